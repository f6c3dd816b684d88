// The lines on the screen, in id order: server-rendered ones are adopted, live ones cloned. Own lines that have no id
// yet stand last.
import { REMOVED, adopt, authorOf, isRemoved, lineOf, removeQuote, removeText } from "./message_line.js";
import { Removals } from "./removals.js";

const LINES = "[data-message-id], .system, .chat__gap";
const SPARE = 50; // lines above the most, so that not each new one costs a look at all

export class MessageList {
  /** `muted.has(name)` says whose messages this reader does not want to see. */
  constructor(log, me, muted) {
    Object.assign(this, { log, me, muted });
    this.system = document.getElementById("system-template");
    this.lines = new Map(); // by id
    this.removals = new Removals();
    this.removed = () => {}; // called after something left the screen
    for (const line of log.querySelectorAll("[data-message-id]")) {
      this.lines.set(Number(line.dataset.messageId), line);
      adopt(line, me);
    }
    muted.changed(() => this.hideMuted());
  }

  /** The oldest id on the screen, or null. */
  get first() {
    const line = this.log.querySelector("[data-message-id]");
    return line ? Number(line.dataset.messageId) : null;
  }

  /** Names of those who wrote, who wrote last first. */
  get names() {
    const lines = [...this.log.querySelectorAll("[data-message-id]")].reverse();
    return [...new Set(lines.map(authorOf))].filter(Boolean);
  }

  /** Shows a message. One that is there already is made anew: of one's own line the server has the final words. */
  show(message) {
    const known = this.lines.get(message.id);
    const { author, reply_to: reply } = message;
    if (this.removals.hold(message.id, author.username) || (known && isRemoved(known))) return;
    const gone = reply && this.removals.hold(reply.id, reply.username);
    const line = lineOf(gone ? { ...message, reply_to: { ...reply, text: REMOVED } } : message, this.me);
    line.hidden = this.muted.has(author.username);
    if (known) known.replaceWith(line);
    if (known) this.lines.set(message.id, line);
    else this.place(line, message.id);
  }

  /** Shows one's own message before the server has it. */
  showPending(message) {
    const line = lineOf(message, this.me);
    line.dataset.pending = "";
    line.setAttribute("aria-live", "off"); // read out when it is stored: it would be heard twice
    this.log.append(line);
    return line;
  }

  /** The pending line has its id. If the message itself came first, it stays and the pending line goes. */
  confirm(line, id) {
    delete line.dataset.pending;
    line.removeAttribute("aria-live");
    if (this.lines.has(id) || this.removals.hold(id, this.me?.username)) line.remove();
    else this.place(line, id);
  }

  place(line, id) {
    let next = null; // the line it belongs before
    let stays = false;
    for (let each = this.log.lastElementChild; each; each = each.previousElementSibling) {
      const other = Number(each.dataset.messageId); // NaN for lines without an id
      if (other < id) break;
      if (each === line) stays = true;
      else if (other > id || "pending" in each.dataset) next = each;
      if (other > id) stays = false;
    }
    if (!stays) this.log.insertBefore(line, next);
    line.dataset.messageId = id;
    this.lines.set(id, line);
  }

  /** A line from this page to this person alone: what a command answers, what the server tells. */
  tell(...parts) {
    const line = this.system.content.firstElementChild.cloneNode(true);
    line.querySelector(".system__body").append(...parts);
    this.log.append(line);
  }

  remove(...ids) {
    for (const id of ids) this.removals.one(id);
    if (ids.length > 0) this.takeOut();
  }

  /** All messages of one account up to an id; without a name the whole chat, of which not even places are left. */
  removeAll(username, upTo = Math.max(0, ...this.lines.keys()), reason = "") {
    this.removals.all(username, upTo);
    this.takeOut(!username);
    if (!username && reason !== "age") this.tell("The chat was cleared"); // old lines go by themselves, every day
  }

  /** Takes what was removed off the screen: lines, and what others quoted of them. */
  takeOut(wholly = false) {
    for (const [id, line] of this.lines) {
      if (!this.removals.hold(id, authorOf(line))) continue;
      removeText(line);
      if (wholly) line.remove();
      if (wholly) this.lines.delete(id);
    }
    for (const quote of this.log.querySelectorAll("[data-reply-to]")) {
      const name = quote.querySelector(".message__reply-to").textContent;
      if (this.removals.hold(Number(quote.dataset.replyTo), name)) removeQuote(quote);
    }
    this.removed();
  }

  hideMuted() {
    for (const line of this.lines.values()) line.hidden = this.muted.has(authorOf(line));
  }

  /** Takes the oldest lines off the screen until `most` are left. */
  trim(most) {
    if (this.lines.size <= most + SPARE) return false;
    for (const line of this.log.querySelectorAll(LINES)) {
      if (this.lines.size <= most) break;
      this.lines.delete(Number(line.dataset.messageId));
      line.remove();
    }
    return true;
  }

  /** Empties this screen; nothing is deleted for anybody. */
  clear() {
    for (const line of this.log.querySelectorAll(LINES)) line.remove();
    this.lines.clear();
    this.removed();
  }
}
