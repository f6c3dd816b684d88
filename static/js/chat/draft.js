// What stands in the box and is not sent yet, kept for this tab: a reload or a new sign-in must not cost a text.
export class Draft {
  constructor(channel, username) {
    this.key = `draft:${channel}:${username}`; // the next person at this screen gets nobody else's
  }

  read() {
    try {
      return sessionStorage.getItem(this.key) ?? "";
    } catch {
      return ""; // storage can be forbidden; chat works without
    }
  }

  keep(text) {
    try {
      if (text) sessionStorage.setItem(this.key, text);
      else sessionStorage.removeItem(this.key);
    } catch {
      // Nothing to do: it is kept on the screen.
    }
  }
}
