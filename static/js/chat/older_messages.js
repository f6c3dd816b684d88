// Reading backwards: at the top of the log, or with PageUp there, the messages before the first one are fetched. What
// can be fetched again needs not stay: the oldest lines leave the screen when there are too many.
const AT_TOP_PX = 120;
const PAGE = 50;
const REST_MS = 1000;
const MOST_LINES = 500;
const MOST_LINES_READING = 2000; // somebody who reads further up keeps more, not everything

export class OlderMessages {
  /** `place` holds the button for those who do not scroll; it is shown while there is more. */
  constructor({ log, place, channel, connection, list, scroll, more }) {
    Object.assign(this, { log, place, channel, connection, list, scroll });
    this.loading = false;
    this.offer(more);
    place.addEventListener("click", () => this.load());
    log.addEventListener("scroll", () => {
      if (log.scrollTop < AT_TOP_PX && !scroll.following) this.load();
    }, { passive: true });
    log.addEventListener("wheel", (event) => {
      if (event.deltaY < 0 && log.scrollTop === 0) this.load(); // a short log never scrolls
    }, { passive: true });
    log.addEventListener("keydown", (event) => {
      if (["PageUp", "Home", "ArrowUp"].includes(event.key) && log.scrollTop === 0) this.load();
    });
  }

  offer(more) {
    this.more = more;
    this.place.hidden = !more;
  }

  drop(following) {
    const most = following ? MOST_LINES : MOST_LINES_READING;
    if (this.list.lines.size <= most) return;
    this.scroll.hold(() => {
      if (this.list.trim(most)) this.offer(true);
    });
  }

  load() {
    const before = this.list.first;
    if (this.loading || !this.more || !before || !this.connection.open) return;
    this.loading = true;
    this.log.setAttribute("aria-busy", "true"); // old lines are not news: nothing reads them aloud
    const question = { channel: this.channel, before, limit: PAGE };
    this.connection.ask("history", question, (answer) => this.answered(answer), () => this.connection.renew());
  }

  answered(answer) {
    if (answer.ok) {
      this.scroll.following = false;
      this.scroll.hold(() => {
        this.offer(answer.more);
        for (const message of answer.messages) this.list.show(message);
      });
    }
    const rest = answer.ok ? 0 : (answer.error?.retry_after ?? 0) * 1000 + REST_MS;
    setTimeout(() => {
      this.loading = false;
      this.log.removeAttribute("aria-busy");
    }, rest);
  }
}
