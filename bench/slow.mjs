// One viewer stops reading while a sender goes on; what does that cost the server?
//
//   node slow.mjs --port 5000 --channel bench --pid 123 --seconds 6
//
// The sender's cookie comes in COOKIES. Prints one JSON object: how the server's memory grew in MB, frames that the
// viewer could not read once it read again, and whether and how fast the server freed the socket's descriptor.
import fs from "node:fs";
import { parseArgs } from "node:util";
import WebSocket from "ws";

const options = { port: { type: "string" }, channel: { type: "string" }, pid: { type: "string" }, seconds: { type: "string" } };
const { values: given } = parseArgs({ options });
const RATE = 1000, IN_FLIGHT = 50, TEXT = "é".repeat(450); // two bytes each: a frame that is cut shows it
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const megabytes = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${given.pid}/status`, "utf8"))[1]) / 1024;

/** The number of the server's end of a connection, and its state (01: established); null when the kernel knows none. */
function serverEnd(clientPort) {
  const hex = (port) => Number(port).toString(16).toUpperCase().padStart(4, "0");
  for (const line of fs.readFileSync("/proc/net/tcp", "utf8").split("\n")) {
    const [, local = "", remote = "", state, , , , , , inode] = line.trim().split(/\s+/);
    if (local.endsWith(`:${hex(given.port)}`) && remote.endsWith(`:${hex(clientPort)}`)) return { inode, state };
  }
  return null;
}

/** Whether the server still holds a descriptor of that number. */
function holds(inode) {
  const folder = `/proc/${given.pid}/fd`;
  return fs.readdirSync(folder).some((fd) => {
    try { return fs.readlinkSync(`${folder}/${fd}`) === `socket:[${inode}]`; } catch { return false; }
  });
}

/** Opens one socket and joins; `hear` gets every later frame. Resolves with the socket. */
function join(cookie, hear) {
  return new Promise((joined, failed) => {
    const headers = cookie ? { Cookie: cookie } : {};
    const ws = new WebSocket(`ws://127.0.0.1:${given.port}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate: false, headers });
    ws.on("error", (error) => { ws.broken = error.message; failed(error); });
    ws.on("close", () => { ws.closed = true; });
    ws.on("message", (bytes) => {
      const text = bytes.toString();
      if (text[0] === "0") ws.send("40");
      else if (text === "2") ws.send("3");
      else if (text.startsWith("40")) ws.send(`420["join",{"channel":"${given.channel}"}]`);
      else if (text.startsWith("430")) joined(ws);
      else hear(text);
    });
  });
}

let answered = 0, refused = 0, corrupt = 0, number = 0;
const sender = await join(JSON.parse(process.env.COOKIES)[0], (text) => {
  answered += text.startsWith("43") ? 1 : 0;
  refused += text.startsWith("43") && !text.includes('"ok":true') ? 1 : 0;
});

/** Sends `many` lines at the rate, five at a time. What the kernel's buffers hold, some 10 MB, has to be filled first. */
async function say(many) {
  for (let i = 1; i <= many; i++) {
    const line = { channel: given.channel, text: TEXT, nonce: `slow-${process.pid}-${++number}` };
    sender.send(`42${number}["send",${JSON.stringify(line)}]`);
    if (i % 5 === 0) await sleep(5000 / RATE);
    while (number - answered > IN_FLIGHT) await sleep(2); // a queue of the sender's would be taken for the reader's
  }
}
await say(100); // what the first messages make the server allocate is not the slow reader's
await sleep(500);
const slow = await join(null, (text) => { try { JSON.parse(text.slice(text.indexOf("["))); } catch { corrupt += text.startsWith("42") ? 1 : 0; } });
const before = megabytes(), port = slow._socket.localPort, { inode } = serverEnd(port);
slow._socket.pause();
let most = before, droppedAt = null, freedAt = null;
const watching = setInterval(() => {
  most = Math.max(most, megabytes());
  if (droppedAt === null && serverEnd(port)?.state !== "01") droppedAt = performance.now();
  if (droppedAt !== null && freedAt === null && !holds(inode)) freedAt = performance.now();
}, 20);
const stop = performance.now() + Number(given.seconds) * 1000;
while (performance.now() < Math.min(stop, (droppedAt ?? stop) + 1500)) {
  await say(10);
}
slow._socket.resume();
await sleep(1500);
clearInterval(watching);
console.log(JSON.stringify({
  sent: number, refused, never_answered: number - answered, memory_growth_mb: Number((most - before).toFixed(1)),
  corrupt: corrupt + (/Invalid|RSV|opcode/.test(slow.broken ?? "") ? 1 : 0), dropped_reader: droppedAt !== null,
  freed_after_ms: freedAt === null ? null : Math.round(freedAt - droppedAt), socket_error: slow.broken ?? null,
}));
process.exit(0);
