// What happens in the channel, as one page lives it: messages come, the line breaks and is mended, a session ends.
import { inFrames } from "./frames.js";
import { Gap } from "./gap.js";

export class Room {
  /** `parts` are the parts of the page by name, filled in by whoever makes them; `person` is {username, badges} or null. */
  constructor(parts, person) {
    this.parts = parts;
    this.person = person;
    this.live = false; // joined, and nothing lost since
    this.draw = inFrames((acts) => {
      for (const act of acts) act();
      parts.walk.check();
    });
  }

  isMine(message) {
    return message.author.username === this.parts.list.me?.username;
  }

  show(message) {
    const { list, outbox, scroll, title, muted, attention } = this.parts;
    if (this.isMine(message)) {
      if (!outbox.claim(message)) this.draw(() => list.show(message));
      scroll.settle();
      return;
    }
    this.draw(() => {
      list.show(message);
      if (muted.has(message.author.username)) return;
      if (list.lines.get(message.id)?.classList.contains("message--mention")) attention.called(message);
    });
    if (muted.has(message.author.username)) return;
    scroll.grew();
    title.count();
  }

  /** A message that was shown already: of one's own line the server has the final words. */
  again(message) {
    const { list } = this.parts;
    if (this.isMine(message) && list.lines.has(message.id)) list.show(message);
  }

  /** More was missed than is shown. */
  left(after, before) {
    this.draw(() => new Gap(this.parts, after, before));
  }

  joined({ me, viewers, channel }) {
    const { connection, state, news, list, signOut, outbox, notice, modes } = this.parts;
    connection.steady();
    state.connected();
    news.watching(viewers);
    modes.are(channel ?? {});
    if (me && me.username === this.person?.username) {
      list.me = me;
      signOut.undone();
      outbox.resend();
      if (!notice.waiting) notice.hide(); // it may have said that there is no connection
      this.stands(me);
    } else if (this.person && !signOut.reason) {
      signOut.happened("expired");
    }
    this.setLive(true);
  }

  /** What this person may do here is known, or has changed. */
  stands(me) {
    const { list, restraint, panel, toasts } = this.parts;
    list.me = me;
    restraint.becomes(me.sanction);
    panel?.offer(me.can_moderate);
    if (!me.can_moderate || document.getElementById("moderator-panel")) return;
    const load = ["Load the page anew", () => location.reload()]; // what stands in the box is kept
    toasts.show("You moderate here now. The tools come with the page.", load);
  }

  /** The server said something about this person here; it is told already. */
  noticed({ code, me }) {
    if (me) this.stands(me);
    else if (["banned", "forbidden", "not_found"].includes(code)) this.refused({});
  }

  down() {
    this.setLive(false);
    this.parts.state.lost();
  }

  /** This reader may not be here (any more): trying again would change nothing. */
  refused({ message }) {
    const { connection, state, signOut, news } = this.parts;
    connection.stop();
    this.setLive(false);
    state.over();
    if (message && !signOut.reason) news.tell(message);
  }

  signedOut(reason) {
    this.parts.signOut.happened(reason);
    this.parts.panel?.offer(false);
    this.setLive(this.live);
  }

  setLive(now) {
    this.live = now;
    this.parts.composer?.ready(now && !this.parts.signOut.reason);
  }

  mayWrite() {
    const { signOut, notice, restraint } = this.parts;
    if (restraint.bans) return false;
    if (this.live && !signOut.reason) return true;
    if (!signOut.reason) notice.show("There is no connection at the moment. What you wrote stays here.");
    return false;
  }

  /** Something left the screen: whatever spoke of it follows. */
  removed() {
    const { list, menu, toolbar, reply, attention, walk } = this.parts;
    menu.check();
    toolbar.hide();
    reply.check();
    attention.check((id, username) => list.removals.hold(id, username));
    walk.check();
  }
}
