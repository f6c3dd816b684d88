// The panel beside the chat: the channel's modes and who is here. Only moderators see it; the server asks again.
import { inWords } from "./people.js";

export class ModeratorPanel {
  constructor({ element, button, moderation, people, menu }) {
    Object.assign(this, { element, button, moderation, people, menu });
    const find = (id) => element.querySelector(`#${id}`);
    Object.assign(this, { slow: find("slow-modes"), members: find("members-only"), dialog: find("clear-dialog") });
    Object.assign(this, { note: find("people-note"), list: find("people-list") });
    button.addEventListener("click", () => this.show(element.hidden));
    find("panel-close").addEventListener("click", () => this.show(false));
    find("people-again").addEventListener("click", () => this.look());
    find("clear-chat").addEventListener("click", () => this.dialog.showModal());
    this.dialog.addEventListener("close", () => {
      if (this.dialog.returnValue === "clear") moderation.clear();
      this.dialog.returnValue = "";
    });
    this.slow.addEventListener("click", ({ target }) => {
      const { seconds } = target.closest("button")?.dataset ?? {};
      if (seconds !== undefined) moderation.slow(Number(seconds));
    });
    this.members.addEventListener("change", () => {
      const wanted = this.members.checked;
      this.members.checked = !wanted; // until the server says that it is so
      moderation.membersOnly(wanted);
    });
    element.addEventListener("keydown", ({ key }) => key === "Escape" && !this.dialog.open && this.show(false));
  }

  /** Whether this person moderates here; it can change while the page is open. */
  offer(possible) {
    this.button.hidden = !possible;
    if (!possible) this.show(false);
  }

  show(open) {
    if (open === !this.element.hidden) return;
    const held = this.element.contains(document.activeElement);
    this.element.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    document.body.classList.toggle("body--panel", open);
    if (open) this.element.querySelector("#panel-title").focus();
    else if (held) this.button.focus();
    if (open) this.look();
  }

  /** How the channel is now. */
  modes({ slow_mode: slow, members_only: members }) {
    for (const button of this.slow.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.seconds) === slow));
    }
    this.members.checked = Boolean(members);
  }

  look() {
    this.people.ask((people, visitors) => {
      this.note.textContent = inWords(people.length, visitors);
      this.list.replaceChildren(...people.map((person) => this.entry(person)));
    }, (words) => {
      this.note.textContent = words;
    });
  }

  entry({ username, badges }) {
    const entry = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "people__person";
    button.setAttribute("aria-haspopup", "menu");
    const name = document.createElement("bdi");
    name.textContent = username;
    button.append(name, ...badges.map((badge) => this.badge(badge)));
    button.addEventListener("click", () => this.menu.open({ username, badges }, button, button));
    entry.append(button);
    return entry;
  }

  badge(name) {
    const made = document.createElement("span");
    made.className = `badge badge--${name}`;
    made.textContent = name === "moderator" ? "mod" : name;
    return made;
  }
}
