// Where the reader is in the log: at its end, which is followed, or further up, which is left alone while a pill counts.
const NEAR_END_PX = 48;

export class ScrollPosition {
  /** `settled(following)` is called before each scroll to the end and is the moment to drop old lines. */
  constructor(log, pill, settled) {
    Object.assign(this, { log, pill, settled });
    this.following = true;
    this.still = new Set(); // why nothing moves at the moment, although the end is followed
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
    if (!this.following || this.still.size > 0) this.count(this.unseen + messages);
    this.settle();
  }

  /** Once per frame, however many lines came; a hidden tab has no frames but must drop old lines too. */
  settle() {
    if (this.waiting) return;
    this.waiting = true;
    const act = () => {
      this.waiting = false;
      if (this.still.size > 0) return;
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

  /** Nothing scrolls from under the pointer or an open menu until `thaw` is called for the same reason. */
  freeze(reason) {
    this.still.add(reason);
  }

  thaw(reason) {
    if (!this.still.delete(reason) || this.still.size > 0) return;
    if (this.following) this.count(0);
    this.settle();
  }

  toEnd() {
    this.following = true;
    this.still.clear();
    this.count(0);
    this.settle();
  }

  /** Makes a change without moving `mark`: the last line stays in place, whatever changes above it. */
  hold(change, mark = this.log.lastElementChild) {
    // Heights are fractions, so where it is now says more than any sum of them.
    const before = mark.getBoundingClientRect().top;
    change();
    this.jump(this.log.scrollTop + mark.getBoundingClientRect().top - before);
  }
}
