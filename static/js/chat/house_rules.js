// The house rules, above the box until the first message here, or until they were read; again when they are others.
export class HouseRules {
  /** `element` carries the rules of `channel` and a mark of how they read; there is none where there are no rules. */
  constructor({ element, channel }) {
    this.element = element;
    this.key = `rules-read:${channel}`;
    if (!element) return;
    element.hidden = this.known() === element.dataset.mark;
    element.querySelector("button").addEventListener("click", () => {
      this.read();
      document.getElementById("chat-input").focus();
    });
  }

  known() {
    try {
      return localStorage.getItem(this.key);
    } catch {
      return null; // storage can be forbidden; they are shown each time
    }
  }

  /** They were on the screen when the first message was sent. */
  read() {
    if (!this.element || this.element.hidden) return;
    this.element.hidden = true;
    try {
      localStorage.setItem(this.key, this.element.dataset.mark);
    } catch {
      // Nothing to do: hidden for now.
    }
  }
}
