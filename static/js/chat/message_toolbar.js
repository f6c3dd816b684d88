// The few buttons over the message under a mouse. Fingers and keys have the menu instead.
import { isRemoved } from "./message_line.js";
import { subjectOf } from "./message_menu.js";

const REST_MS = 3000; // for so long after its last move a moderator's pointer keeps the log still

export class MessageToolbar {
  constructor({ element, log, menu, scroll }) {
    Object.assign(this, { element, log, menu, scroll, line: null });
    const outside = ({ relatedTarget: to }) => !log.contains(to) && !element.contains(to);
    log.addEventListener("pointerover", (event) => event.pointerType === "mouse" && this.over(event.target));
    log.addEventListener("pointermove", (event) => event.pointerType === "mouse" && this.moved());
    for (const place of [log, element]) {
      place.addEventListener("pointerleave", (event) => outside(event) && this.leave());
    }
    log.addEventListener("scroll", () => this.hide(), { passive: true });
    element.addEventListener("pointerenter", () => scroll.freeze("toolbar"));
    element.addEventListener("click", ({ target }) => this.chosen(target.closest("button")));
  }

  over(target) {
    const line = target.closest("[data-message-id]");
    if (!line || line === this.line || isRemoved(line)) return;
    this.line = line;
    const allowed = this.menu.allowed(subjectOf(line));
    for (const button of this.element.querySelectorAll("button")) button.hidden = !allowed[button.dataset.act];
    this.element.hidden = false;
    // Beside the line's first row and a little above it, so that what is to be judged can be read.
    const { top } = line.getBoundingClientRect();
    const { top: logTop } = this.log.getBoundingClientRect();
    this.element.style.top = `${Math.max(this.log.offsetTop + 2, this.log.offsetTop + top - logTop - 20)}px`;
  }

  /** A name must not scroll away from under a moderator's pointer. */
  moved() {
    if (!this.menu.list.me?.can_moderate) return;
    this.scroll.freeze("pointer");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.scroll.thaw("pointer"), REST_MS);
  }

  leave() {
    this.hide();
    clearTimeout(this.timer);
    this.scroll.thaw("pointer");
  }

  hide() {
    this.line = null;
    this.element.hidden = true;
    this.scroll.thaw("toolbar");
  }

  chosen(button) {
    const { line } = this;
    if (!button || !line) return;
    const { act } = button.dataset;
    if (act === "more") this.menu.open(subjectOf(line), this.element, null);
    else this.menu.run(act, subjectOf(line), button.dataset);
    this.hide();
  }
}
