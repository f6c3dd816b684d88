// All emoji in a box over the composer: searched by name, walked with the arrow keys, those used last in front.
import * as emoji from "./emoji.js";

const RECENT = "recent-emoji";
const MOST_RECENT = 16;
const MOST_FOUND = 60;
const STEPS = { ArrowRight: () => 1, ArrowLeft: () => -1, ArrowDown: (row) => row, ArrowUp: (row) => -row };

function make(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function recent() {
  try {
    return localStorage.getItem(RECENT)?.split(" ").filter(Boolean) ?? [];
  } catch {
    return [];
  }
}

export class EmojiPicker {
  static async make(owner) {
    await emoji.load();
    return new EmojiPicker(owner);
  }

  constructor({ button, input, chosen }) {
    Object.assign(this, { button, input, chosen });
    this.element = make("div", "emoji");
    this.element.setAttribute("role", "dialog");
    this.element.setAttribute("aria-label", "Emoji");
    this.box = make("input", "input emoji__search");
    Object.assign(this.box, { type: "search", placeholder: "Search emoji" });
    this.box.setAttribute("aria-label", "Search emoji");
    this.grid = make("div", "emoji__grid");
    this.element.append(this.box, this.grid);
    this.element.hidden = true;
    button.closest(".composer").append(this.element);
    this.box.addEventListener("input", () => this.fill());
    this.element.addEventListener("keydown", (event) => this.pressed(event));
    this.grid.addEventListener("click", ({ target }) => this.take(target.closest("button")));
    addEventListener("pointerdown", ({ target }) => {
      if (this.open && !this.element.contains(target) && !button.contains(target)) this.close(false);
    }, true);
  }

  get open() {
    return !this.element.hidden;
  }

  show() {
    this.element.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.box.value = "";
    this.fill();
    this.box.focus();
  }

  close(back = true) {
    this.element.hidden = true;
    this.grid.replaceChildren();
    this.button.setAttribute("aria-expanded", "false");
    if (back) this.input.focus();
  }

  fill() {
    const typed = this.box.value.trim();
    const used = new Set(recent());
    const last = emoji.all().flatMap(([, members]) => members).filter(([sign]) => used.has(sign));
    const groups = typed ? [["Found", emoji.search(typed, MOST_FOUND)]] : [["Used last", last], ...emoji.all()];
    const shown = groups.filter(([, members]) => members.length > 0).map(([name, members]) => this.group(name, members));
    this.grid.replaceChildren(...shown, ...(shown.length ? [] : [make("p", "emoji__none", "No emoji has that name.")]));
    this.grid.scrollTop = 0;
  }

  group(name, members) {
    const group = make("section", "emoji__group");
    group.setAttribute("aria-label", name);
    const row = make("div", "emoji__row");
    row.append(...members.map(([sign, names, label]) => {
      const button = make("button", "emoji__sign", sign);
      Object.assign(button, { type: "button", tabIndex: -1, title: `:${names.split(" ")[0]}:` });
      button.setAttribute("aria-label", label);
      return button;
    }));
    group.append(make("h3", "emoji__name", name), row);
    return group;
  }

  pressed(event) {
    const signs = [...this.grid.querySelectorAll(".emoji__sign")];
    const at = signs.indexOf(document.activeElement);
    const step = STEPS[event.key];
    if (event.key === "Escape") this.close();
    else if (event.key === "Tab") this.close();
    else if (event.key === "Enter" && at < 0) this.take(signs[0]);
    else if (step && (at >= 0 || event.key === "ArrowDown")) this.walk(signs, at, step);
    else return;
    event.preventDefault();
  }

  walk(signs, at, step) {
    const row = Math.max(1, Math.floor(this.grid.clientWidth / (signs[0]?.offsetWidth || 1)));
    const to = at < 0 ? 0 : at + step(row);
    if (to < 0) this.box.focus();
    else signs[Math.min(to, signs.length - 1)]?.focus();
  }

  take(button) {
    if (!button) return;
    const sign = button.textContent;
    try {
      localStorage.setItem(RECENT, [sign, ...recent().filter((each) => each !== sign)].slice(0, MOST_RECENT).join(" "));
    } catch {
      // Then none is remembered.
    }
    this.close();
    this.chosen(sign);
  }
}
