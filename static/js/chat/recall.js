// What was sent before, for the arrow keys: up goes back, down comes forward again.
const KEPT = 30;

export class Recall {
  constructor() {
    this.texts = [];
    this.at = null; // how far back, while looking
  }

  keep(text) {
    this.at = null;
    if (this.texts.at(-1) !== text) this.texts.push(text);
    if (this.texts.length > KEPT) this.texts.shift();
  }

  /** The text one step back (1) or forward (-1) from what stands in the box; null: the key is not for us. */
  step(by, standing) {
    const shown = this.at === null ? "" : this.texts.at(-this.at);
    if (standing !== shown) this.at = null; // it was changed: it is a text of its own now
    if (standing && this.at === null) return null;
    const to = (this.at ?? 0) + by;
    if (to < 0 || to > this.texts.length) return null;
    this.at = to === 0 ? null : to;
    return to === 0 ? "" : this.texts.at(-to);
  }
}
