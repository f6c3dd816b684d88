// The channel's modes: a line above the box says which hold, one line in the log what has changed.
const WORDS = {
  slow_mode: (value) => `Slow mode, ${value} s`,
  members_only: () => "Only members can write",
  unique_messages: () => "No repeats",
};
const CHANGES = {
  slow_mode: (value) => (value ? `Slow mode is on: one message every ${value} s` : "Slow mode is off"),
  members_only: (value) => (value ? "Only members can write now" : "Everybody can write again"),
  unique_messages: (value) => (value ? "The same cannot be said twice now" : "Repeats are allowed again"),
  live: (value) => (value ? "The stream has begun" : "The stream has ended"),
  title: (value) => `This channel is called ${value} now`,
  access: (value) => ({
    public: "Everybody can read this channel now",
    accounts: "Only people with an account can read this channel now",
    private: "Only members can read this channel now",
  })[value],
};

export class Modes {
  /** `changed(channel)` is called after each update, and after each join. */
  constructor({ element, tell, changed }) {
    Object.assign(this, { element, tell, changed, known: {} });
  }

  /** How the channel is, as the answer to a join has it. */
  are(channel) {
    for (const part of this.element.querySelectorAll("[data-mode]")) {
      const value = channel[part.dataset.mode];
      part.hidden = !value;
      if (value) part.querySelector("[data-words]").textContent = WORDS[part.dataset.mode](value);
    }
    this.element.hidden = !Object.keys(WORDS).some((mode) => channel[mode]);
    this.known = channel;
    this.changed(channel);
  }

  /** What the server says that has changed: one line each, and none for what is known already. */
  update(channel) {
    for (const [mode, words] of Object.entries(CHANGES)) {
      if (mode in channel && mode in this.known && channel[mode] !== this.known[mode]) this.tell(words(channel[mode]));
    }
    this.are({ ...this.known, ...channel });
  }
}
