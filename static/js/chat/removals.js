// What was removed, so that a message which comes after its own removal (from an answer under way) is not shown.
const REMEMBERED = 2000;

export class Removals {
  constructor() {
    this.ids = new Set();
    this.upTo = 0; // the whole chat
    this.people = new Map(); // up to which id, by name
  }

  one(id) {
    this.ids.add(id);
    if (this.ids.size > REMEMBERED) this.ids.delete(this.ids.values().next().value);
  }

  all(username, upTo) {
    if (username) this.people.set(username, Math.max(upTo, this.people.get(username) ?? 0));
    else this.upTo = Math.max(upTo, this.upTo);
  }

  hold(id, username) {
    return id <= this.upTo || this.ids.has(id) || id <= (this.people.get(username) ?? 0);
  }
}
