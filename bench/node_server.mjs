// The reference from the other world: socket.io on Node.js doing the same work for a line of chat. It encrypts it as
// Fernet does (AES-128-CBC, then HMAC-SHA-256), stores it in SQLite (WAL, synchronous=FULL, one commit a line), sends it
// to the room, acknowledges it. It has no accounts, no limits and no rules.
import crypto from "node:crypto";
import { createServer } from "node:http";
import SQLite from "better-sqlite3";
import { Server } from "socket.io";

const db = new SQLite(process.env.DATABASE);
db.pragma("journal_mode = WAL");
db.pragma("synchronous = FULL");
db.exec("CREATE TABLE message (id INTEGER PRIMARY KEY, channel TEXT, author TEXT, sent_at TEXT, body BLOB)");
const insert = db.prepare("INSERT INTO message (channel, author, sent_at, body) VALUES (?, 'somebody', ?, ?)");
const older = db.prepare("SELECT * FROM message WHERE channel = ? AND id < ? ORDER BY id DESC LIMIT 50");
const encryptionKey = crypto.randomBytes(16), signingKey = crypto.randomBytes(16);

function sign(token) {
  return crypto.createHmac("sha256", signingKey).update(token).digest();
}

function seal(text) {
  const iv = crypto.randomBytes(16), cipher = crypto.createCipheriv("aes-128-cbc", encryptionKey, iv);
  const head = Buffer.alloc(9, 0);
  head[0] = 0x80;
  head.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000)), 1);
  const token = Buffer.concat([head, iv, cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([token, sign(token)]).toString("base64url");
}

function open(sealed) {
  const bytes = Buffer.from(sealed, "base64url"), token = bytes.subarray(0, -32);
  if (!crypto.timingSafeEqual(sign(token), bytes.subarray(-32))) throw new Error("not ours");
  const decipher = crypto.createDecipheriv("aes-128-cbc", encryptionKey, token.subarray(9, 25));
  return decipher.update(token.subarray(25), undefined, "utf8") + decipher.final("utf8");
}

function wire(id, channel, text, sent_at) {
  return { id, channel, author: { username: "somebody", badges: [] }, kind: "text", text, sent_at };
}

const http = createServer((_, response) => response.end("ready"));
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false });
io.on("connection", (socket) => {
  socket.on("join", ({ channel }, answer) => { socket.join(channel); answer({ ok: true }); });
  socket.on("send", ({ channel, text }, answer) => {
    const sent_at = new Date().toISOString();
    const id = Number(insert.run(channel, sent_at, seal(text)).lastInsertRowid);
    io.to(channel).emit("message", wire(id, channel, text, sent_at));
    answer({ ok: true, id, sent_at });
  });
  socket.on("history", ({ channel, before }, answer) => {
    const messages = older.all(channel, before).reverse();
    answer({ ok: true, messages: messages.map((row) => wire(row.id, channel, open(row.body), row.sent_at)) });
  });
});
http.listen(Number(process.env.PORT), "127.0.0.1");
