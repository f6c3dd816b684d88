// The line above the box: why nothing can be sent now, and for how long. It is a live region, so the seconds that run
// are kept out of it: a countdown read aloud would drown the chat. How long it takes is read once.
import { duration } from "../page/wait.js";

function span(className, text) {
  const made = document.createElement("span");
  made.className = className;
  made.textContent = text;
  return made;
}

export class ComposerNotice {
  constructor(element) {
    this.element = element;
    this.until = 0;
  }

  get waiting() {
    return this.until > Date.now();
  }

  show(...parts) {
    clearInterval(this.timer);
    this.until = 0;
    this.element?.replaceChildren(...parts);
    if (this.element) this.element.hidden = false;
  }

  hide() {
    this.show();
    if (this.element) this.element.hidden = true;
  }

  /** Shows `words` and the time that is left, until `seconds` have passed. */
  countDown(words, seconds) {
    const clock = span("numeric", duration(seconds));
    clock.setAttribute("aria-hidden", "true");
    this.show(`${words} You can write again in `, span("visually-hidden", duration(seconds)), clock);
    this.until = Date.now() + seconds * 1000;
    this.timer = setInterval(() => {
      const left = Math.ceil((this.until - Date.now()) / 1000);
      if (left <= 0) this.hide();
      else clock.textContent = duration(left);
    }, 500);
  }
}
