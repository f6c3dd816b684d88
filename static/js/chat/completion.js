// What could be meant by the word that is being typed: a list over the box. Tab takes the first, or the one that the
// arrows went to; Enter sends, unless the arrows were used.
import { announce } from "../page/announcement.js";

export class Completion {
  /** Each of `sources` gets the text before the caret and answers null or {from, options: [{value, label, hint}]}. */
  constructor({ input, listbox, sources, completed }) {
    Object.assign(this, { input, listbox, sources, completed });
    this.hide();
    input.addEventListener("blur", () => this.hide());
    listbox.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the focus stays in the box
      const option = event.target.closest("[role=option]");
      if (option) this.take(Number(option.dataset.place));
    });
  }

  get open() {
    return !this.listbox.hidden;
  }

  hide() {
    this.listbox.hidden = true;
    this.listbox.replaceChildren();
    this.input.removeAttribute("aria-activedescendant");
    Object.assign(this, { options: [], active: 0, moved: false });
  }

  /** The text or the caret changed. */
  look() {
    const { value, selectionStart: caret, selectionEnd: end } = this.input;
    const before = value.slice(0, caret);
    const was = this.options.length;
    this.hide();
    if (caret !== end || document.activeElement !== this.input) return;
    const found = this.sources.map((source) => source(before)).find((each) => each?.options.length > 0);
    if (!found || (found.options.length === 1 && found.options[0].value.trim() === before.slice(found.from))) return;
    Object.assign(this, found);
    this.listbox.append(...found.options.map((option, place) => this.line(option, place)));
    this.listbox.hidden = false;
    this.mark(0);
    if (was === 0) announce(found.options.length === 1 ? "1 suggestion" : `${found.options.length} suggestions`);
  }

  line({ label, hint = "" }, place) {
    const line = document.createElement("li");
    line.className = "suggestions__option";
    line.id = `suggestion-${place}`;
    line.dataset.place = place;
    line.setAttribute("role", "option");
    const words = document.createElement("bdi");
    words.textContent = label;
    const more = document.createElement("span");
    more.className = "suggestions__hint";
    more.textContent = hint;
    line.append(words, more);
    return line;
  }

  mark(place) {
    this.active = place;
    for (const line of this.listbox.children) {
      line.setAttribute("aria-selected", String(Number(line.dataset.place) === place));
    }
    this.listbox.children[place].scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", `suggestion-${place}`);
  }

  /** True if the key was for the list. */
  pressed({ key, shiftKey }) {
    if (!this.open || shiftKey) return false;
    if (key === "Tab" || (key === "Enter" && this.moved)) this.take(this.active);
    else if (key === "Escape") this.hide();
    else if (key === "ArrowDown" || key === "ArrowUp") this.move(key === "ArrowDown" ? 1 : -1);
    else return false;
    return true;
  }

  move(by) {
    this.moved = true;
    this.mark((this.active + by + this.options.length) % this.options.length);
  }

  take(place) {
    const { value } = this.options[place];
    this.input.setRangeText(value, this.from, this.input.selectionStart, "end");
    this.hide();
    this.completed();
  }
}
