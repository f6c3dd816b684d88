// The connection in words, in #chat-status: "Connected", "Reconnecting…" or "Offline".
export class ConnectionState {
  constructor(element) {
    this.element = element;
    addEventListener("offline", () => this.lost()); // the network is known to be gone before any timeout
  }

  say(words) {
    if (this.element.textContent.trim() === words) return; // a repeat would be read aloud again
    this.element.textContent = words;
    this.element.classList.remove("chat__status--waiting");
    this.element.classList.toggle("chat__status--lost", words !== "Connected");
  }

  connected() {
    this.say("Connected");
  }

  lost() {
    this.say(navigator.onLine ? "Reconnecting…" : "Offline");
  }

  over() {
    this.say("Offline");
  }
}
