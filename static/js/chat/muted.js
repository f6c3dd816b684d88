// Whom this reader does not want to read. It stays on this device; nobody else learns of it.
const KEY = "muted";

function stored() {
  try {
    const names = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  } catch {
    return []; // storage can be forbidden, or hold anything
  }
}

export class Muted {
  constructor() {
    this.names = new Set(stored());
    this.listeners = new Set();
    addEventListener("storage", ({ key }) => {
      if (key === KEY) this.become(stored()); // changed in another tab
    });
  }

  has(name) {
    return this.names.has(name);
  }

  /** Calls `listener` after each change, and once now. */
  changed(listener) {
    this.listeners.add(listener);
    listener();
  }

  mute(name) {
    this.keep([...this.names, name]);
  }

  unmute(name) {
    this.keep([...this.names].filter((each) => each !== name));
  }

  keep(names) {
    try {
      localStorage.setItem(KEY, JSON.stringify(names));
    } catch {
      // Then it holds until the page is left.
    }
    this.become(names);
  }

  become(names) {
    this.names = new Set(names);
    for (const listener of this.listeners) listener();
  }
}
