// The lines on the screen, in id order: server-rendered ones are adopted, live ones cloned. Own lines that have no id
// yet stand last.
import { adopt, authorOf, fill, newLine, removeText } from "./message_line.js";

export class MessageList {
  constructor(log, me) {
    this.log = log;
    this.me = me;
    this.system = document.getElementById("system-template");
    this.lines = new Map(); // by id
    for (const line of log.querySelectorAll("[data-message-id]")) {
      this.lines.set(Number(line.dataset.messageId), line);
      adopt(line, me);
    }
  }

  /** The oldest id on the screen, or null. */
  get first() {
    const line = this.log.querySelector("[data-message-id]");
    return line ? Number(line.dataset.messageId) : null;
  }

  /** Shows a message. One that is there already is written again: of one's own line the server has the final words. */
  show(message) {
    const known = this.lines.get(message.id);
    if (known?.classList.contains("message--removed")) return;
    const line = known ?? newLine();
    fill(line, message, this.me);
    if (!known) this.place(line, message.id);
  }

  /** Shows one's own message before the server has it. */
  showPending(message) {
    const line = newLine();
    delete line.dataset.messageId;
    line.dataset.pending = "";
    fill(line, message, this.me);
    this.log.append(line);
    return line;
  }

  /** The pending line has its id. If the message itself came first, it stays and the pending line goes. */
  confirm(line, id) {
    delete line.dataset.pending;
    if (this.lines.has(id)) line.remove();
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

  remove(id) {
    const line = this.lines.get(id);
    if (line) removeText(line);
    for (const quote of this.log.querySelectorAll(`[data-reply-to="${Number(id)}"]`)) {
      quote.querySelector(".message__reply-text").textContent = "message removed";
    }
  }

  /** All messages of one account; without a name the whole chat, of which not even places are left. */
  removeAll(username) {
    if (!username) {
      this.clear();
      this.tell("The chat was cleared");
    }
    for (const [id, line] of this.lines) {
      if (authorOf(line) === username) this.remove(id);
    }
  }

  /** Takes the oldest lines off the screen until `most` are left. */
  trim(most) {
    for (const line of this.log.querySelectorAll("[data-message-id], .system")) {
      if (this.lines.size <= most) return;
      this.lines.delete(Number(line.dataset.messageId));
      line.remove();
    }
  }

  /** Empties this screen; nothing is deleted for anybody. */
  clear() {
    for (const line of this.log.querySelectorAll("[data-message-id], .system")) line.remove();
    this.lines.clear();
  }
}
