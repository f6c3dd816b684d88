// One's own messages from the key press to the server's word: pending at once, then confirmed, failed or refused.
import { note, withoutNote } from "./message_note.js";

const HOLD_MS = 3000;
const RESEND_WITHIN_MS = 120_000;
// The same text gets the same answer: for these "Try again" would be a false hope.
const FINAL = new Set(["bad_request", "blocked", "empty", "held", "too_long", "unknown_command"]);

// Sent, no answer, connection gone: soon afterwards it is sent again, later the person decides.
const mayBeResent = (entry) => entry.unknown && Date.now() - entry.since < RESEND_WITHIN_MS;
const isLost = (entry) => entry.unknown && !entry.due && !mayBeResent(entry);

export class Outbox {
  /** `confirmed(id)` after each stored message; `refused(entry, error)` returns true if it has taken the text back. */
  constructor({ connection, channel, list, confirmed, refused }) {
    Object.assign(this, { connection, channel, list, confirmed, refused });
    this.entries = new Set(); // not stored yet, as far as is known
    this.held = new Map(); // own messages that came while answers are due: one of them may be a pending line's
  }

  /** `reply` is the message that it answers, {id, username, text}, or null. */
  send(text, shown, kind, reply = null) {
    const { username, badges } = this.list.me;
    const now = new Date().toISOString();
    const line = this.list.showPending({ author: { username, badges }, kind, text: shown, sent_at: now, reply_to: reply });
    const nonce = crypto.getRandomValues(new Uint32Array(4)).join("-");
    const entry = { nonce, text, shown, reply, line, since: Date.now() };
    this.entries.add(entry);
    this.transmit(entry);
  }

  transmit(entry) {
    entry.due = true; // an answer is on its way
    entry.unknown = true; // it may be stored although nobody has said so
    note(entry.line, "pending", "Sending…");
    const { channel } = this;
    const { text, nonce, reply } = entry;
    const question = { channel, text, nonce, ...(reply && { reply_to: reply.id }) };
    this.connection.ask("send", question, (answer) => this.answered(entry, answer), () => {
      this.fail(entry, "No answer from the server.");
    });
  }

  answered(entry, answer) {
    entry.due = false;
    if (!this.entries.has(entry)) return; // discarded meanwhile
    if (answer.ok) {
      this.store(entry, answer.id);
    } else if (answer.error?.code === "disconnected") {
      this.fail(entry, "Not sent: no connection.");
    } else {
      entry.unknown = false;
      if (answer.error?.code === "not_found") entry.reply = null; // what it answers is gone: again, it answers nothing
      if (this.refused(entry, answer.error)) this.drop(entry);
      else this.fail(entry, answer.error?.message ?? "The server refused this message.", !FINAL.has(answer.error?.code));
    }
    this.release();
  }

  store(entry, id) {
    this.entries.delete(entry);
    withoutNote(entry.line);
    this.list.confirm(entry.line, id);
    const message = this.held.get(id);
    this.held.delete(id);
    if (message) this.list.show(message);
    this.confirmed(id);
  }

  fail(entry, words, again = true) {
    note(entry.line, "failed", words, {
      retry: again ? () => this.transmit(entry) : null,
      discard: () => this.drop(entry),
    });
  }

  drop(entry) {
    this.entries.delete(entry);
    entry.line.remove();
  }

  /** After a reconnect: what may be lost goes again, with its nonce, so that it is stored once at most. */
  resend() {
    for (const entry of this.entries) {
      if (!entry.due && mayBeResent(entry)) this.transmit(entry);
    }
  }

  /** True if this own message belongs, or may soon belong, to a pending line: then it is not shown as a second one. */
  claim(message) {
    const waiting = [...this.entries];
    const lost = waiting.find((entry) => isLost(entry) && entry.shown.normalize() === message.text);
    if (!lost && !waiting.some((entry) => entry.due || mayBeResent(entry))) return false;
    this.held.set(message.id, message);
    if (lost) this.store(lost, message.id);
    else setTimeout(() => this.release(true), HOLD_MS); // it was written in another tab, and this one waits long
    return true;
  }

  release(now = false) {
    if (!now && [...this.entries].some((entry) => entry.due)) return;
    const held = [...this.held.values()];
    this.held.clear();
    for (const message of held) this.list.show(message);
  }

  /** The session is over: the texts that were not stored, for the draft. */
  surrender() {
    const texts = [...this.entries].map((entry) => entry.text);
    for (const entry of this.entries) this.drop(entry);
    return texts.join("\n");
  }
}
