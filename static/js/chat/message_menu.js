// The menu of a message or a name: one press opens it, one more does it.
import { ageOf, authorOf, badgesOf, isRemoved, textOf } from "./message_line.js";
import { outranks } from "./rank.js";
import { Popup } from "./popup.js";
import { announce } from "../page/announcement.js";
import { copy } from "../page/copying.js";

const OWN_FOR_MS = 120_000; // so long one may delete one's own message

/** Whose menu it is: of a line, or of somebody on a list. */
export function subjectOf(line) {
  return { line, id: Number(line.dataset.messageId), username: authorOf(line), badges: badgesOf(line) };
}

export class MessageMenu {
  constructor({ element, list, scroll, muted, moderation, reply }) {
    Object.assign(this, { element, list, scroll, muted, moderation, reply });
    this.popup = new Popup(element, () => this.closed());
    element.addEventListener("click", ({ target }) => this.chosen(target.closest("button")));
  }

  /** Which acts this person may do on the subject. */
  allowed({ line, id, username, badges }) {
    const { me } = this.list;
    const own = username === me?.username;
    const above = Boolean(me?.can_moderate) && !own && outranks(me.badges, badges);
    const sent = Boolean(line) && id > 0 && !isRemoved(line);
    return {
      reply: Boolean(me) && sent,
      copy: sent,
      mute: !own,
      delete: sent && Boolean(me) && (above || (own && (me.can_moderate || ageOf(line) < OWN_FOR_MS))),
      timeout: above,
      ban: above,
      purge: above,
      more: true,
    };
  }

  /** Opens it beside `anchor`; afterwards the focus is on `back`. */
  open(subject, anchor, back) {
    if (this.popup.open) this.popup.close();
    if (!subject.username) return;
    Object.assign(this, { subject, back });
    const allowed = this.allowed(subject);
    for (const part of this.element.querySelectorAll("[data-act]")) part.hidden = !allowed[part.dataset.act];
    const mute = this.element.querySelector('[data-act="mute"] [data-words]');
    mute.textContent = this.muted.has(subject.username) ? "Show again" : "Mute for me";
    this.element.setAttribute("aria-label", `${subject.username}, menu`);
    this.scroll.freeze("menu");
    subject.line?.classList.add("message--active");
    this.popup.show(anchor);
  }

  closed() {
    this.scroll.thaw("menu");
    this.subject.line?.classList.remove("message--active");
    if (this.back?.isConnected) this.back.focus({ preventScroll: true });
  }

  /** Something was removed: a menu of it is a menu of nothing. */
  check() {
    if (this.popup.open && this.subject.line && isRemoved(this.subject.line)) this.popup.close();
  }

  chosen(button) {
    const act = button?.closest("[data-act]")?.dataset.act;
    if (!act) return;
    if (act === "purge") {
      button.setAttribute("aria-checked", button.getAttribute("aria-checked") !== "true");
      return;
    }
    const { subject } = this;
    this.popup.close();
    this.run(act, subject, button.dataset);
  }

  get purge() {
    return this.element.querySelector('[data-act="purge"]')?.getAttribute("aria-checked") === "true";
  }

  run(act, { line, id, username }, { seconds, reason }) {
    if (act === "reply") this.reply.to({ id, username, text: textOf(line) });
    else if (act === "copy") copy(textOf(line)).then(() => announce("Copied"), () => announce("Not copied"));
    else if (act === "mute") this.muted[this.muted.has(username) ? "unmute" : "mute"](username);
    else if (act === "delete") this.moderation.remove(id);
    else if (act === "timeout") this.moderation.timeOut(username, Number(seconds), { purge: this.purge });
    else if (act === "ban" && reason) this.moderation.ban(username, { reason, purge: this.purge });
    else if (act === "ban") this.reply.command(`/ban ${username} `);
  }
}
