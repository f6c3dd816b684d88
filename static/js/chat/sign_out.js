// The session ended while the page stayed: why, and the way back to this very page. Nothing that was written is lost.
const REASONS = {
  logout: "You signed out in another tab.",
  expired: "Your session has ended.",
  idle: "You were signed out because nothing happened for a while.",
  disabled: "Your account was disabled.",
  revoked: "This session was ended from another place.",
  password_changed: "Your password was changed.",
  role_changed: "Your role has changed.",
};

export class SignOut {
  constructor({ list, notice, outbox, composer }) {
    Object.assign(this, { list, notice, outbox, composer, reason: null });
  }

  happened(reason) {
    this.reason = reason;
    this.list.me = null;
    delete document.body.dataset.activityTimeoutMinutes; // there is nobody left to warn
    const link = document.createElement("a");
    link.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = "Sign in again";
    this.notice.show(`${REASONS[reason] ?? "You are signed out."} What you wrote is kept. `, link);
    const unsent = this.outbox.surrender();
    if (unsent) this.composer?.giveBack(unsent);
  }

  /** The same person is back: a session can end and another begin under an open page. */
  undone() {
    this.reason = null;
  }
}
