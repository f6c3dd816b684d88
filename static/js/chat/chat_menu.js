// The "…" in the chat's head: sound, notifications, and whom one has muted.
export class ChatMenu {
  constructor({ element, attention, muted }) {
    Object.assign(this, { element, attention, muted });
    this.people = element.querySelector("#muted-people");
    this.nobody = element.querySelector("#nobody-muted");
    muted.changed(() => this.list());
    this.bind(element.querySelector("#mention-sound"), attention.sound, () => attention.ring());
    this.bind(element.querySelector("#mention-notification"), attention.notification, (box) => this.allow(box));
    addEventListener("pointerdown", ({ target }) => {
      if (!element.contains(target)) element.open = false;
    }, true);
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !element.open) return;
      element.open = false;
      element.querySelector("summary").focus();
    });
  }

  bind(box, preference, turnedOn) {
    if (!box) return; // a visitor has no name to be called by
    box.checked = preference.on;
    box.addEventListener("change", () => {
      preference.on = box.checked;
      if (box.checked) turnedOn(box);
    });
  }

  async allow(box) {
    const allowed = await this.attention.ask();
    this.element.querySelector("#notification-help").hidden = allowed;
    box.checked = allowed;
    this.attention.notification.on = allowed;
  }

  list() {
    const names = [...this.muted.names].sort();
    this.nobody.hidden = names.length > 0;
    this.people.replaceChildren(...names.map((name) => this.entry(name)));
  }

  entry(name) {
    const entry = document.createElement("li");
    entry.className = "muted__person";
    const who = document.createElement("bdi");
    who.textContent = name;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button--small";
    button.textContent = "Show again";
    button.setAttribute("aria-label", `Show messages of ${name} again`);
    button.addEventListener("click", () => {
      this.muted.unmute(name);
      this.element.querySelector("summary").focus();
    });
    entry.append(who, button);
    return entry;
  }
}
