// What moderators ask of the server, and the words for what it did.
import { duration } from "../page/wait.js";

const DAY_S = 86_400;

/** A time in words: "10 min", "1 h", "1 day", "90 s". */
export function span(seconds) {
  for (const [size, one, many] of [[DAY_S, "day", "days"], [3600, "h", "h"], [60, "min", "min"]]) {
    const times = seconds / size;
    if (Number.isInteger(times)) return `${times} ${times === 1 ? one : many}`;
  }
  return duration(seconds);
}

export class Moderation {
  /** `tell(words)` says why something was not done. */
  constructor({ connection, channel, toasts, tell }) {
    Object.assign(this, { connection, channel, toasts, tell });
  }

  act(action, fields = {}, done = () => {}) {
    this.connection.ask("moderate", { channel: this.channel, action, ...fields }, ({ ok, error }) => {
      if (ok) return done();
      const wait = error?.retry_after ? ` Try again in ${duration(error.retry_after)}.` : "";
      this.tell(`${error?.message ?? "That was not done."}${wait}`);
    });
  }

  remove(id) {
    this.act("delete", { id });
  }

  timeOut(username, seconds, { reason = "", purge = false } = {}) {
    this.act("timeout", { username, seconds, reason, purge }, () => {
      this.done(`${username} cannot write for ${span(seconds)}`, username);
    });
  }

  ban(username, { reason = "", purge = false } = {}) {
    this.act("ban", { username, reason, purge }, () => this.done(`${username} is banned`, username));
  }

  /** What keeps a person from writing can be taken back from where it is said. */
  done(words, username) {
    this.toasts.show(words, ["Undo", () => this.unban(username)]);
  }

  unban(username) {
    this.act("unban", { username }, () => this.toasts.show(`${username} can write again`));
  }

  clear() {
    this.act("clear");
  }

  slow(seconds) {
    this.act("slow", { seconds });
  }

  membersOnly(on) {
    this.act("members_only", { on });
  }
}
