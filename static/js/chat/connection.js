// The socket: asks the server and hears it, and comes back after a loss. Knows nothing of messages.
import { io } from "../../vendor/socket.io.esm.min.js";

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
export const PATIENCE_MS = 10_000;

const LOST = { ok: false, error: { code: "disconnected", message: "There is no connection." } };
const NONSENSE = { ok: false, error: { code: "unavailable", message: "The server gave no answer. Try again." } };

export class Connection {
  /** `up()` after each connect, `down()` after each loss or failed attempt. */
  constructor({ up, down }) {
    this.questions = new Set();
    this.attempts = 0;
    this.down = down;
    this.socket = io({
      autoConnect: false,
      transports: ["websocket", "polling"],
      tryAllTransports: true, // a proxy that knows no WebSocket leaves polling
      reconnectionDelay: FIRST_RETRY_MS,
      reconnectionDelayMax: LAST_RETRY_MS,
      randomizationFactor: 0.5, // a room that lost its server must not come back as one wave
      timeout: PATIENCE_MS,
    });
    this.socket.on("connect", up);
    this.socket.on("disconnect", (reason) => this.lost(reason));
    // Each client is told another moment: those of a server that restarts must not come back as one wave.
    this.socket.on("notice", ({ code, retry_after: seconds }) => {
      if (code === "restarting" && seconds > 0) this.socket.io.reconnectionDelay(seconds * 1000);
    });
    this.socket.on("connect_error", (error) => this.refused(error));
    addEventListener("online", () => this.now());
  }

  start() {
    this.socket.connect();
  }

  on(event, listener) {
    this.socket.on(event, (payload) => listener(payload ?? {}));
  }

  get open() {
    return this.socket.connected;
  }

  /**
   * Asks one question; `answered` gets its acknowledgement exactly once, a lost connection included.
   * `late` is called when none came within ten seconds; the answer may still follow.
   */
  ask(event, payload, answered, late = () => {}) {
    if (!this.open) return answered(LOST);
    const question = { answered, timer: setTimeout(late, PATIENCE_MS) };
    this.questions.add(question);
    this.socket.emit(event, payload, (answer) => this.settle(question, answer ?? NONSENSE));
  }

  settle(question, answer) {
    if (!this.questions.delete(question)) return;
    clearTimeout(question.timer);
    question.answered(answer);
  }

  /** Everything works: the next loss starts with short waits again. */
  steady() {
    this.attempts = 0;
    this.socket.io.reconnectionDelay(FIRST_RETRY_MS);
  }

  /** Gives this connection up and makes a new one: it is open, but nobody answers. */
  renew() {
    this.socket.io.engine?.close();
  }

  stop() {
    this.stopped = true;
    this.socket.disconnect();
  }

  lost(reason) {
    this.down();
    for (const question of [...this.questions]) this.settle(question, LOST);
    // socket.io never comes back by itself after the server said goodbye (a restart, a session that ended).
    if (reason === "io server disconnect") this.comeBack();
  }

  refused(error) {
    this.down();
    if (!this.socket.active) this.comeBack((error.data?.retry_after ?? 0) * 1000);
  }

  comeBack(atLeast = 0) {
    if (this.stopped) return;
    const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.attempts++) * (0.5 + Math.random());
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.socket.connect(), atLeast + wait);
  }

  now() {
    if (this.stopped || this.open) return;
    clearTimeout(this.timer);
    this.socket.disconnect().connect(); // drops the wait it is in
  }
}
