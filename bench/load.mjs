// The audience: opens viewers and senders of one channel, sends, and counts what arrives where.
//
//   node load.mjs --port 5000 --channel bench --viewers 200 --senders 1 --rate 20 --seconds 6 --pids 123,456
//
// An open loop sends --rate lines a second for each sender, however slow the answers are; with --window, a closed loop, each
// sender has that many unanswered lines under way. --at-once is how many connect at a time, --pages how many pages of
// history are asked for afterwards, one by one. --patience: seconds for the last acknowledgements and deliveries to come.
//
// Speaks Socket.IO's frames over plain WebSockets, so that the generator costs less than what it measures. The senders'
// cookies come as JSON in the variable COOKIES; viewers have none. Prints one JSON object. Times are milliseconds.
import fs from "node:fs";
import { parseArgs } from "node:util";
import WebSocket from "ws";

const { values: given } = parseArgs({
  options: Object.fromEntries(
    Object.entries({ port: "5000", channel: "bench", viewers: "200", senders: "1", rate: "20", seconds: "6", warm: "1", pids: "",
      window: "0", "at-once": "25", pages: "0", patience: "8" })
      .map(([name, value]) => [name, { type: "string", default: value }]),
  ),
});
const viewers = Number(given.viewers), senders = Number(given.senders), rate = Number(given.rate);
const window = Number(given.window), atOnce = Number(given["at-once"]), pages = Number(given.pages);
const cookies = JSON.parse(process.env.COOKIES || "[]");
const run = Math.random().toString(36).slice(2, 10);
const PADDING = "the quick brown fox jumps over the lazy dog ".repeat(5);
const LENGTH = 200; // characters of one chat line
const JOIN = 0; // number of the acknowledgement that answers the join
const PAGE = 1e9; // numbers from here on answer requests for history
const TILDE = 126, ZERO = 48, TWO = 50, THREE = 51, FOUR = 52;

const sentAt = []; // by message number, over all senders
const deliveryTimes = [], ackTimes = [];
let stopped = false, measuring = false, acknowledged = 0, deliveries = 0, doubled = 0, disordered = 0, refused = 0, dropped = 0, closing = false;

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

const pids = given.pids.split(",").filter(Boolean);

/** Kilobytes of memory that the server's processes hold. */
function kilobytes() {
  return pids.reduce((sum, pid) => sum + Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))[1]), 0);
}

/** CPU seconds that the server's processes have used so far, user and kernel together. */
function cpuSeconds() {
  let ticks = 0;
  for (const pid of pids) {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / 100;
}

/** The whole number that begins at `start`, and where it ends. */
function number(bytes, start) {
  let value = 0, at = start;
  for (; bytes[at] >= ZERO && bytes[at] <= ZERO + 9; at++) value = value * 10 + bytes[at] - ZERO;
  return [value, at];
}

class Member {
  constructor(cookie) {
    this.cookie = cookie;
    this.seen = new Set(); // numbers of the messages that came
    this.last = new Map(); // the highest of them, by sender
    this.waiting = new Map(); // sends without an acknowledgement: when they were sent
    this.calls = JOIN;
  }

  open() {
    return new Promise((joined, failed) => {
      const url = `ws://127.0.0.1:${given.port}/socket.io/?EIO=4&transport=websocket`;
      const headers = this.cookie ? { Cookie: this.cookie } : {};
      this.ws = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true, headers });
      this.joined = joined;
      this.failed = failed;
      this.ws.on("error", failed);
      this.ws.on("close", () => { dropped += closing ? 0 : 1; failed(new Error("closed")); });
      this.ws.on("message", (bytes) => this.receive(bytes));
    });
  }

  receive(bytes) {
    if (bytes[0] === ZERO) this.ws.send("40"); // Engine.IO is open: connect to the namespace
    else if (bytes[0] === TWO) this.ws.send("3"); // ping
    else if (bytes[0] !== FOUR) return;
    else if (bytes[1] === ZERO) this.ws.send(`42${JOIN}["join",{"channel":"${given.channel}"}]`);
    else if (bytes[1] === TWO) this.event(bytes);
    else if (bytes[1] === THREE) this.acknowledged(bytes);
    else if (bytes[1] === FOUR) this.failed(new Error(bytes.toString()));
  }

  event(bytes) {
    const mark = bytes.indexOf(TILDE); // a chat line of ours begins ~sender~number~
    if (mark < 0) return;
    const now = performance.now();
    const [sender, end] = number(bytes, mark + 1);
    const [message] = number(bytes, end + 1);
    if (this.seen.has(message)) doubled++;
    else if (message < (this.last.get(sender) ?? -1)) disordered++;
    this.seen.add(message);
    this.last.set(sender, Math.max(message, this.last.get(sender) ?? -1));
    if (!measuring) return;
    deliveries++;
    deliveryTimes.push(now - sentAt[message]);
  }

  acknowledged(bytes) {
    const [call] = number(bytes, 2);
    const yes = bytes.includes('"ok":true');
    if (call === JOIN) return yes ? this.joined() : this.failed(new Error(bytes.toString()));
    if (call >= PAGE) { this.page(bytes); return; }
    if (!yes && refused++ === 0) console.error(`refused: ${bytes}`);
    if (measuring) { acknowledged += yes ? 1 : 0; ackTimes.push(performance.now() - this.waiting.get(call)); }
    this.waiting.delete(call);
    if (window && !stopped) this.send(speaking.indexOf(this));
  }

  history(number) {
    return new Promise((answered) => {
      this.page = answered;
      this.ws.send(`42${PAGE + number}["history",{"channel":"${given.channel}","before":${Math.max(51, sentAt.length)}}]`);
    });
  }

  send(sender) {
    const message = sentAt.length, call = ++this.calls, now = performance.now();
    sentAt.push(now);
    this.waiting.set(call, now);
    const text = `~${sender}~${message}~${PADDING}`.slice(0, LENGTH);
    const payload = { channel: given.channel, text, nonce: `${run}-${message}` };
    this.ws.send(`42${call}${JSON.stringify(["send", payload])}`);
  }
}

function percentile(sorted, share) {
  return sorted.length ? Number(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(2)) : null;
}

const speaking = Array.from({ length: senders }, (_, i) => new Member(cookies[i % cookies.length]));
const everybody = [...Array.from({ length: viewers }, () => new Member()), ...speaking];
const memoryBefore = kilobytes(), joinCpuBefore = cpuSeconds(), joiningFrom = performance.now();
for (let i = 0; i < everybody.length; i += atOnce) await Promise.all(everybody.slice(i, i + atOnce).map((member) => member.open()));
const joined = (performance.now() - joiningFrom) / 1000, joinCpu = cpuSeconds() - joinCpuBefore;
const memory = kilobytes() - memoryBefore;

const began = performance.now();
let sending = null;
if (window) speaking.forEach((member, who) => { for (let i = 0; i < window; i++) member.send(who); });
else if (senders && rate) sending = setInterval(() => {
  const due = Math.floor(((performance.now() - began) / 1000) * rate * senders);
  while (sentAt.length < due) { const who = sentAt.length % senders; speaking[who].send(who); }
}, Math.min(5, 1000 / rate / senders));

await sleep(Number(given.warm) * 1000);
const cpuBefore = cpuSeconds(), ownBefore = process.cpuUsage(), from = performance.now();
measuring = true;
await sleep(Number(given.seconds) * 1000);
measuring = false;
stopped = true;
const cpu = cpuSeconds() - cpuBefore, own = process.cpuUsage(ownBefore), took = (performance.now() - from) / 1000;
clearInterval(sending);

const unacknowledged = () => speaking.reduce((sum, member) => sum + member.waiting.size, 0);
const missing = () => everybody.reduce((sum, member) => sum + sentAt.length - member.seen.size, 0);
for (const deadline = performance.now() + given.patience * 1000; performance.now() < deadline && (unacknowledged() || missing());) await sleep(50);
await sleep(300); // a message that comes twice may come late

const pageCpuBefore = cpuSeconds(), pagesFrom = performance.now();
for (let page = 0; page < pages; page++) await speaking[0].history(page);
const pageCpu = cpuSeconds() - pageCpuBefore, pageTime = performance.now() - pagesFrom;

deliveryTimes.sort((a, b) => a - b);
ackTimes.sort((a, b) => a - b);
console.log(JSON.stringify({
  sent: sentAt.length, deliveries, deliveries_per_second: Math.round(deliveries / took),
  cpu_us_per_delivery: Number(((cpu * 1e6) / Math.max(1, deliveries)).toFixed(2)), cpu_percent: Number(((cpu / took) * 100).toFixed(1)),
  acknowledged_per_second: Math.round(acknowledged / took), cpu_us_per_message: Math.round((cpu * 1e6) / Math.max(1, acknowledged)),
  joined_seconds: Number(joined.toFixed(2)), cpu_ms_per_join: Number(((joinCpu * 1e3) / everybody.length).toFixed(2)),
  kb_per_connection: Number((memory / everybody.length).toFixed(1)),
  cpu_us_per_page: pages ? Math.round((pageCpu * 1e6) / pages) : null, ms_per_page: pages ? Number((pageTime / pages).toFixed(2)) : null,
  generator_cpu_percent: Number(((own.user + own.system) / 1e4 / took).toFixed(1)),
  delivery_p50: percentile(deliveryTimes, 0.5), delivery_p99: percentile(deliveryTimes, 0.99),
  ack_p50: percentile(ackTimes, 0.5), ack_p99: percentile(ackTimes, 0.99),
  lost: missing(), doubled, out_of_order: disordered, refused, unacknowledged: unacknowledged(), dropped,
}));
closing = true;
process.exit(0);
