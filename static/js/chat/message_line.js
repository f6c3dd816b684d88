// One chat line: a clone of what the server renders, filled with text. No text ever becomes markup.
import { note, withoutNote } from "./message_note.js";
import { writeLocalTime } from "../page/local_time.js";

const UNVERIFIED = [
  "This message could not be verified",
  "It is not where it was written, so it is not shown. The admins have been told.",
];
const template = document.getElementById("message-template");
const colours = new Map(); // by name, as the server gave them: one's own line has one before the server has seen it

function part(line, name) {
  return line.querySelector(`.message__${name}`);
}

function colour(line, name, number) {
  if (number) colours.set(name, number);
  const known = colours.get(name);
  line.classList.remove(...[...line.classList].filter((each) => /^name-\d+$/.test(each)));
  if (known) line.classList.add(`name-${known}`);
}

function mark(line, author, text, me) {
  const name = me?.username;
  line.classList.toggle("message--mine", Boolean(name) && author === name);
  const words = text.toLowerCase().split(/[^\p{L}\p{N}_@-]+/u);
  const called = Boolean(name) && author !== name && words.includes(`@${name.toLowerCase()}`);
  line.classList.toggle("message--mention", called);
}

function showBadges(line, badges = []) {
  for (const badge of line.querySelectorAll("[data-badge]")) badge.hidden = !badges.includes(badge.dataset.badge);
}

function showReply(line, reply) {
  const quote = part(line, "reply");
  quote.hidden = !reply;
  if (!reply) return;
  quote.dataset.replyTo = reply.id;
  part(quote, "reply-to").textContent = reply.username;
  part(quote, "reply-text").textContent = reply.text;
}

export function newLine() {
  return template.content.firstElementChild.cloneNode(true);
}

/** Writes a wire message into a line; `me` is {username} or null. */
export function fill(line, message, me) {
  const { author, kind, text } = message;
  if (message.id) line.dataset.messageId = message.id;
  colour(line, author.username, author.colour);
  line.classList.toggle("message--action", kind === "me");
  line.classList.toggle("message--unverified", Boolean(message.unverified));
  const time = part(line, "time");
  time.dateTime = message.sent_at;
  writeLocalTime(time, "time");
  part(line, "author").textContent = author.username;
  part(line, "text").textContent = message.unverified ? UNVERIFIED[0] : text;
  if (message.unverified) note(line, "unverified", UNVERIFIED[1]);
  else if (message.id) withoutNote(line);
  showBadges(line, author.badges);
  showReply(line, message.reply_to);
  mark(line, author.username, text ?? "", me);
}

/** Takes over a line that the server rendered. */
export function adopt(line, me) {
  const author = authorOf(line);
  const rendered = /\bname-(\d+)\b/.exec(line.className);
  if (rendered) colours.set(author, Number(rendered[1]));
  writeLocalTime(part(line, "time"), "time");
  mark(line, author, part(line, "text").textContent, me);
}

export function authorOf(line) {
  return part(line, "author")?.textContent ?? ""; // a removed line has none
}

/** What is left of a deleted message: its place. */
export function removeText(line) {
  line.className = "message message--removed";
  const gone = ".message__badges, .message__author, .message__colon, .message__reply, .message__note";
  for (const each of line.querySelectorAll(gone)) each.remove();
  part(line, "text").textContent = "Message removed";
}
