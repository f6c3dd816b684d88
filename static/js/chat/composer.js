// The box one writes in. It never loses a text: what cannot be sent stays, what is refused comes back.
import { read } from "./commands.js";

const COUNT_FROM = 0.8; // of the longest
const MOST_ROWS = 6;
const WAITS = {
  rate_limited: "You are writing very fast.",
  slow_mode: "Slow mode is on.",
  timed_out: "You are timed out.",
};

export class Composer {
  /** `mayWrite()` says whether anything can be sent now, and tells the person if not. */
  constructor({ input, button, counter, notice, draft, page, mayWrite }) {
    Object.assign(this, { input, button, counter, notice, draft, page, mayWrite });
    this.last = "";
    this.longest = Number(input.dataset.maxLength); // in characters as the server counts them, not UTF-16 units
    if (!input.value) input.value = draft.read();
    button.addEventListener("click", () => {
      this.submit();
      input.focus();
    });
    input.addEventListener("input", () => this.changed());
    input.addEventListener("keydown", (event) => this.pressed(event));
    this.changed();
  }

  pressed(event) {
    if (event.isComposing) return; // Enter there chooses a word of an input method
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "ArrowUp" && !this.input.value && this.last) {
      event.preventDefault();
      this.write(this.last);
    }
  }

  get length() {
    return [...this.input.value.trim()].length;
  }

  changed() {
    this.draft.keep(this.input.value);
    this.grow();
    const near = this.length >= COUNT_FROM * this.longest;
    this.counter.hidden = !near;
    this.counter.textContent = `${this.length} / ${this.longest}`;
    this.counter.classList.toggle("composer__count--near", near);
  }

  grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.input.rows = 1;
    while (this.input.scrollHeight > this.input.clientHeight && this.input.rows < MOST_ROWS) this.input.rows += 1;
  }

  write(text) {
    this.input.value = text;
    this.input.setSelectionRange(text.length, text.length);
    this.changed();
  }

  /** Puts texts that were not sent before what stands in the box. */
  giveBack(texts) {
    this.write([texts, this.input.value].filter(Boolean).join("\n"));
  }

  submit() {
    const typed = this.input.value.trim();
    if (!typed || this.notice.waiting) return;
    if (this.length > this.longest) {
      this.notice.show(`Too long: ${this.length} characters, at most ${this.longest} can be sent.`);
      return;
    }
    const { done, text, shown, kind } = read(typed, this.page);
    if (text && !this.mayWrite()) return;
    this.page.scroll.toEnd();
    if (!done && !text) return; // why is on the screen; the text stays to be mended
    this.last = typed;
    this.write("");
    this.notice.hide();
    if (text) this.page.outbox.send(text, shown, kind);
  }

  /** The server refused a message: true if its text is back in the box and the wait is counted down. */
  takeBack(entry, error) {
    if (!(error?.code in WAITS)) return false;
    this.notice.countDown(WAITS[error.code], Math.ceil(error.retry_after ?? 1));
    if (this.input.value.trim()) return false; // the next text is being written: this one waits at its line
    this.write(entry.text);
    return true;
  }

  /** Shows whether sending is possible; the box can always be typed in. */
  ready(possible) {
    if (possible) this.button.removeAttribute("aria-disabled");
    else this.button.setAttribute("aria-disabled", "true");
  }
}
