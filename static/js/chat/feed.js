// The channel's messages in id order, none twice, none missing: joins, catches up after a loss, closes holes.
import { PATIENCE_MS } from "./connection.js";

const SLEPT_MS = 60_000;
const HELD_AT_MOST = 1000;
const AGAIN = new Set(["rate_limited", "unavailable", "slow_mode"]);

export class Feed {
  /**
   * `show(message)` gets each message once, in order, `again(message)` one that comes another time; `joined(answer)`
   * when all is caught up; `removed(ids)` tells which of those that were shown are gone; `left(after, before)` that
   * the messages between two ids were too many to be shown; `refused(error)` means that this reader may not join.
   */
  constructor({ connection, channel, last, show, again, joined, removed, left, refused }) {
    Object.assign(this, { connection, channel, last, show, again, joined, removed, left, refused });
    this.joining = false;
    this.jumping = false; // to the newest messages, since those after the last one are too many
    this.held = [];
    connection.on("message", (message) => this.heard(message));
    document.addEventListener("visibilitychange", () => this.looked());
  }

  /** A computer that slept has a dead connection that looks open: asking finds out at once. */
  looked() {
    if (document.hidden) this.hiddenSince = Date.now();
    else if (this.connection.open && Date.now() - this.hiddenSince > SLEPT_MS) this.join();
  }

  /** Asks for what came after the last message that was shown. */
  join() {
    if (this.joining) return;
    this.joining = true;
    const question = this.jumping ? { channel: this.channel } : { channel: this.channel, after: this.last };
    this.connection.ask("join", question, (answer) => this.answered(answer), () => this.connection.renew());
  }

  answered(answer) {
    this.joining = false;
    if (!answer.ok) return this.failed(answer.error ?? {});
    this.removed(answer.deleted ?? []);
    const first = answer.messages[0]?.id;
    if (this.jumping && first > this.last + 1) this.left(this.last, first);
    for (const message of answer.messages) this.take(message);
    this.jumping = Boolean(answer.gap);
    if (answer.gap) return this.join();
    this.release();
    this.joined(answer);
  }

  failed(error) {
    this.jumping = false;
    if (error.code === "disconnected") return; // the next connect joins again
    if (!AGAIN.has(error.code)) return this.refused(error);
    clearTimeout(this.timer);
    const wait = (error.retry_after ?? 1) * 1000 + Math.random() * 1000;
    this.timer = setTimeout(() => this.join(), Math.min(wait, 6 * PATIENCE_MS));
  }

  heard(message) {
    if (message.channel !== this.channel) return;
    if (this.joining || message.id > this.last + 1) {
      this.held.push(message);
      // A flood while catching up: what is dropped here is above `last`, so that the next join brings it.
      if (this.held.length > HELD_AT_MOST) this.held = [];
      this.join();
    } else {
      this.take(message);
    }
  }

  /** What was held came before the answer, so the answer was complete: a hole that is left holds deleted messages. */
  release() {
    const held = this.held.sort((one, other) => one.id - other.id);
    this.held = [];
    for (const message of held) this.take(message);
  }

  take(message) {
    if (message.id <= this.last) return this.again(message);
    this.last = message.id;
    this.show(message);
  }

  /** A message that was shown by itself: one's own, once the server has given it its id. */
  shown(id) {
    if (id === this.last + 1) this.last = id;
  }
}
