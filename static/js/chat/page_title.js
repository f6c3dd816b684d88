// "(3) Title" while the tab is hidden: how many messages came since it was last looked at.
export class PageTitle {
  constructor() {
    this.plain = document.title;
    this.unseen = 0;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.unseen = 0;
      document.title = this.plain;
    });
  }

  count() {
    if (!document.hidden) return;
    this.unseen += 1;
    document.title = `(${this.unseen}) ${this.plain}`;
  }
}
