// The box one writes in. It never loses a text: what cannot be sent stays, what is refused comes back.
import { read } from "./commands.js";
import * as emoji from "./emoji.js";
import { Recall } from "./recall.js";

const COUNT_FROM = 0.8; // of the longest
const MOST_ROWS = 6;
const WAITS = {
  rate_limited: "You are writing very fast.",
  slow_mode: "Slow mode is on.",
  timed_out: "You are timed out here.",
};
const HINDRANCES = new Set(["banned", "duplicate", "members_only"]); // no wait would help: the server's sentence does

export class Composer {
  /** `mayWrite()` says whether anything can be sent now, and tells the person if not. */
  constructor({ input, button, counter, notice, draft, reply, page, rules, mayWrite }) {
    Object.assign(this, { input, button, counter, notice, draft, reply, page, rules, mayWrite });
    this.recall = new Recall();
    this.completion = null; // comes when there is something to complete
    this.longest = Number(input.dataset.maxLength); // in characters as the server counts them, not UTF-16 units
    if (!input.value) input.value = draft.read();
    button.addEventListener("click", () => {
      this.submit();
      input.focus();
    });
    input.addEventListener("input", () => this.typed());
    input.addEventListener("keydown", (event) => this.pressed(event));
    this.changed();
  }

  pressed(event) {
    if (event.isComposing) return; // Enter there chooses a word of an input method
    const { key, shiftKey } = event;
    if (this.completion?.pressed(event)) event.preventDefault();
    else if (key === "Escape" && this.reply.letGo()) event.preventDefault();
    else if (key === "Enter" && !shiftKey) {
      event.preventDefault();
      this.submit();
    } else if (key === "ArrowUp" || key === "ArrowDown") {
      const text = this.recall.step(key === "ArrowUp" ? 1 : -1, this.input.value);
      if (text === null) return;
      event.preventDefault();
      this.write(text);
    }
  }

  get length() {
    return [...this.input.value.trim()].length;
  }

  /** A key was pressed in the box: ":smile:" becomes its emoji as soon as it is whole. */
  typed() {
    const before = this.input.value.slice(0, this.input.selectionStart);
    const made = before.endsWith(":") ? emoji.withEmoji(before) : before;
    if (made !== before) this.input.setRangeText(made, 0, before.length, "end");
    this.changed();
    this.completion?.look();
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

  /** Puts something where the caret is. */
  insert(text) {
    this.input.setRangeText(text, this.input.selectionStart, this.input.selectionEnd, "end");
    this.changed();
  }

  /** Puts texts that were not sent before what stands in the box. */
  giveBack(texts) {
    this.write([texts, this.input.value].filter(Boolean).join("\n"));
  }

  submit() {
    const typed = emoji.withEmoji(this.input.value.trim());
    if (!typed || this.notice.waiting) return;
    if ([...typed].length > this.longest) {
      this.notice.show(`Too long: ${this.length} characters, at most ${this.longest} can be sent.`);
      return;
    }
    if (emoji.isWaitedFor(typed) && !this.unnamed) {
      const again = () => this.submit();
      emoji.load().then(again, () => {
        this.unnamed = true; // the list does not come: the names are sent as they are
        again();
      });
      return;
    }
    const { done, text, shown, kind } = read(typed, this.page);
    if (text && !this.mayWrite()) return;
    this.page.scroll.toEnd();
    if (!done && !text) return; // why is on the screen; the text stays to be mended
    this.recall.keep(typed);
    this.write("");
    this.completion?.hide();
    this.notice.hide();
    if (!text) return;
    this.rules.read();
    this.page.outbox.send(text, shown, kind, this.reply.take());
  }

  /** The server refused a message: true if its text is back in the box and why is said above it. */
  takeBack(entry, error) {
    if (error?.code in WAITS) this.notice.countDown(WAITS[error.code], Math.ceil(error.retry_after ?? 1));
    else if (HINDRANCES.has(error?.code)) this.notice.show(error.message);
    else return false;
    if (this.input.value.trim()) return false; // the next text is being written: this one waits at its line
    this.write(entry.text);
    if (entry.reply) this.reply.to(entry.reply);
    return true;
  }

  /** Shows whether sending is possible; the box can always be typed in. */
  ready(possible) {
    if (possible) this.button.removeAttribute("aria-disabled");
    else this.button.setAttribute("aria-disabled", "true");
  }
}
