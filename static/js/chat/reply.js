// The message that the next one answers, quoted above the box until it is sent or let go.
export class Reply {
  constructor({ element, input, list, write }) {
    Object.assign(this, { element, input, list, write, message: null });
    element?.querySelector("[data-cancel]").addEventListener("click", () => {
      this.letGo();
      input.focus();
    });
  }

  /** Answers a message: {id, username, text}. */
  to(message) {
    this.message = message;
    this.element.querySelector("[data-name]").textContent = message.username;
    this.element.querySelector("[data-text]").textContent = message.text;
    this.element.hidden = false;
    this.input.focus();
  }

  letGo() {
    if (!this.message) return false;
    this.message = null;
    this.element.hidden = true;
    this.element.querySelector("[data-text]").textContent = "";
    return true;
  }

  /** What is sent now answers it. */
  take() {
    const { message } = this;
    this.letGo();
    return message;
  }

  /** Puts a command into the box, to be completed there. */
  command(text) {
    this.write(text);
    this.input.focus();
  }

  /** Something was removed: nobody answers what is gone. */
  check() {
    if (!this.message || !this.list.removals.hold(this.message.id, this.message.username)) return;
    this.letGo();
    this.list.tell("The message you were answering was removed");
  }
}
