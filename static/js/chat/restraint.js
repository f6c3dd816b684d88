// A ban or a timeout: what it says above the box, for how long, and that nothing is sent meanwhile.
const REFRESH_S = 1;

export class Restraint {
  constructor(notice) {
    this.notice = notice;
    this.kind = null;
  }

  /** Takes over `me.sanction` as the server tells it; without one, whatever was said about an earlier one goes. */
  becomes(sanction) {
    const had = this.kind;
    this.kind = sanction?.kind ?? null;
    if (!sanction) return had && this.notice.hide();
    this.reason = sanction.reason ? ` Reason: ${sanction.reason}.`.replace(/([.!?])\.$/, "$1") : "";
    const seconds = Math.ceil((new Date(sanction.until) - Date.now()) / 1000);
    if (this.kind === "ban") this.say();
    else this.notice.countDown(`You are timed out here.${this.reason}`, Math.max(REFRESH_S, seconds));
  }

  /** True for whoever may not write for good; says so again. */
  get bans() {
    if (this.kind !== "ban") return false;
    this.say();
    return true;
  }

  say() {
    this.notice.show(`You are banned from this channel: you can read, not write.${this.reason}`);
  }
}
