// Reaching messages: the arrow keys walk them, Enter or a long press opens their menu, and so does a click on a name.
// Only one message is a stop of the Tab key, as in any list.
import { isRemoved } from "./message_line.js";
import { subjectOf } from "./message_menu.js";

const LONG_PRESS_MS = 500;
const MOVED_PX = 10;
const LINE = "[data-message-id]";

export class MessageWalk {
  constructor({ log, menu, scroll, leave }) {
    Object.assign(this, { log, menu, scroll, leave, current: null });
    log.addEventListener("keydown", (event) => this.pressed(event));
    log.addEventListener("focusin", ({ target }) => {
      this.come(target.closest(LINE));
      // Whoever reads with the keys is not carried away; whoever clicks is only clicking.
      if (target.matches(`${LINE}:focus-visible`)) scroll.freeze("walk");
    });
    log.addEventListener("focusout", ({ relatedTarget: to }) => !log.contains(to) && scroll.thaw("walk"));
    log.addEventListener("click", (event) => this.clicked(event));
    log.addEventListener("pointerdown", (event) => this.touched(event));
    log.addEventListener("contextmenu", (event) => event.pointerType === "touch" && event.preventDefault());
    for (const name of ["pointerup", "pointercancel", "scroll"]) {
      log.addEventListener(name, () => clearTimeout(this.timer), { passive: true });
    }
    log.addEventListener("pointermove", ({ clientX, clientY }) => {
      if (Math.hypot(clientX - this.x, clientY - this.y) > MOVED_PX) clearTimeout(this.timer);
    }, { passive: true });
  }

  /** The message that Tab comes back to; without one, Tab comes to the log. */
  come(line) {
    this.current?.setAttribute("tabindex", "-1");
    this.current = line;
    line?.setAttribute("tabindex", "0");
    this.log.tabIndex = line ? -1 : 0;
  }

  check() {
    if (this.current && !this.current.isConnected) this.come(null);
  }

  go(to) {
    to?.focus();
  }

  next(by) {
    const lines = [...this.log.querySelectorAll(`${LINE}:not([hidden])`)];
    const at = lines.indexOf(this.current);
    return at < 0 ? lines.at(-1) : lines[at + by];
  }

  pressed(event) {
    const { key, shiftKey, target } = event;
    this.check();
    if (key === "ArrowUp") this.go(this.next(-1));
    else if (key === "ArrowDown") this.go(this.next(1));
    else if (key === "End") this.go([...this.log.querySelectorAll(`${LINE}:not([hidden])`)].at(-1));
    else if (key === "Escape") this.leave();
    else if (target !== this.current) return; // a link or a button in the line has keys of its own
    else if (key === "Enter" || key === "ContextMenu" || (key === "F10" && shiftKey)) this.open(target);
    else return;
    event.preventDefault();
  }

  open(line, anchor = line, back = line) {
    if (!isRemoved(line) && line.dataset.messageId) this.menu.open(subjectOf(line), anchor, back);
  }

  clicked({ target }) {
    const line = target.closest(LINE);
    if (line && target.closest(".message__author")) this.open(line, target, null);
    const quote = target.closest("[data-reply-to]");
    if (quote) this.jump(quote.dataset.replyTo);
  }

  /** To the message that was answered, if it is on the screen. */
  jump(id) {
    const line = this.log.querySelector(`[data-message-id="${Number(id)}"]`);
    if (!line) return;
    line.focus({ preventScroll: true });
    line.scrollIntoView({ block: "center" });
    line.classList.add("message--shown");
    setTimeout(() => line.classList.remove("message--shown"), 2000);
  }

  touched({ pointerType, target, clientX, clientY }) {
    const line = target.closest(LINE);
    clearTimeout(this.timer);
    if (pointerType === "mouse" || !line) return;
    Object.assign(this, { x: clientX, y: clientY });
    this.timer = setTimeout(() => this.open(line, line, null), LONG_PRESS_MS);
  }
}
