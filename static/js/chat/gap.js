// A gap in the log: more was missed than one look brings. It is a line of its own, with a button that fills it.
const PAGE = 100; // the most that one question brings

export class Gap {
  /** Stands between the lines of two ids, and asks for what is between them when its button is pressed. */
  constructor({ channel, connection, list, scroll }, after, before) {
    Object.assign(this, { channel, connection, list, scroll, after, before });
    this.line = document.createElement("p");
    this.line.className = "chat__gap";
    this.words = document.createElement("span");
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "button button--small";
    this.button.addEventListener("click", () => this.fill());
    this.line.append(this.words, this.button);
    list.log.append(this.line); // what comes after it is shown next
    this.say();
  }

  say() {
    const missing = this.before - this.after - 1;
    this.words.textContent = missing === 1 ? "1 message is not shown here" : `${missing} messages are not shown here`;
    this.button.textContent = missing > PAGE ? `Show the next ${PAGE}` : "Show them";
  }

  fill() {
    if (this.button.disabled || !this.connection.open) return;
    this.button.disabled = true;
    const until = Math.min(this.before, this.after + PAGE + 1);
    const question = { channel: this.channel, before: until, limit: PAGE };
    this.connection.ask("history", question, (answer) => {
      this.button.disabled = false;
      if (answer.ok) this.filled(answer.messages, until);
      else this.words.textContent = answer.error?.message ?? "They did not come. Try again.";
    });
  }

  filled(messages, until) {
    const above = this.line.previousElementSibling;
    const below = this.line.nextElementSibling;
    this.scroll.following = false;
    this.scroll.hold(() => {
      for (const message of messages) if (message.id > this.after) this.list.show(message);
      this.after = until - 1;
      if (this.after + 1 >= this.before) this.line.remove();
      else this.list.log.insertBefore(this.line, below);
      this.say();
    }, above);
  }
}
