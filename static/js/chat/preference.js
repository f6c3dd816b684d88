// A choice that this device remembers.
export class Preference {
  constructor(key) {
    this.key = key;
  }

  get on() {
    try {
      return localStorage.getItem(this.key) === "on";
    } catch {
      return false; // storage can be forbidden
    }
  }

  set on(value) {
    try {
      if (value) localStorage.setItem(this.key, "on");
      else localStorage.removeItem(this.key);
    } catch {
      // Then it is not remembered.
    }
  }
}
