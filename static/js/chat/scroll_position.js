// Where the reader is in the log: at its end, which is followed, or further up, which is left alone while a pill counts.
const NEAR_END_PX = 48;

export class ScrollPosition {
  /** `settled(following)` is called before each scroll to the end and is the moment to drop old lines. */
  constructor(log, pill, settled) {
    Object.assign(this, { log, pill, settled });
    this.following = true;
    this.unseen = 0;
    this.top = log.scrollTop;
    this.label = pill.querySelector("[data-label]");
    this.count(0);
    log.addEventListener("scroll", () => this.scrolled(), { passive: true });
    pill.addEventListener("click", () => {
      this.toEnd();
      this.log.focus({ preventScroll: true });
    });
    // The composer grows, a keyboard opens, the window turns: the end stays in sight.
    new ResizeObserver(() => this.settle()).observe(log);
    this.settle();
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.log;
    if (scrollHeight - scrollTop - clientHeight < NEAR_END_PX) {
      this.following = true;
      this.count(0);
    } else if (scrollTop < this.top) {
      this.following = false; // only a move upwards is a wish to stay: lines that arrive also take the end away
    }
    this.top = scrollTop;
  }

  count(unseen) {
    this.unseen = unseen;
    this.pill.hidden = unseen === 0;
    this.label.textContent = unseen === 1 ? "1 new message" : `${unseen} new messages`;
  }

  /** Something was added below. */
  grew(messages = 1) {
    if (!this.following) this.count(this.unseen + messages);
    this.settle();
  }

  /** Once per frame, however many lines came; a hidden tab has no frames but must drop old lines too. */
  settle() {
    if (this.waiting) return;
    this.waiting = true;
    const act = () => {
      this.waiting = false;
      this.settled(this.following);
      if (this.following) this.jump(this.log.scrollHeight);
    };
    if (document.hidden) setTimeout(act, 250);
    else requestAnimationFrame(act);
  }

  jump(top) {
    this.log.scrollTop = top;
    this.top = this.log.scrollTop;
  }

  toEnd() {
    this.following = true;
    this.count(0);
    this.settle();
  }

  /** Changes what is above without moving what is read. */
  hold(change) {
    const mark = this.log.lastElementChild; // stays, whatever changes above; heights are fractions, so no sum of them
    const before = mark.getBoundingClientRect().top;
    change();
    this.jump(this.log.scrollTop + mark.getBoundingClientRect().top - before);
  }
}
