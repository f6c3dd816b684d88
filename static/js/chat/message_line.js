// One chat line: a clone of what the server renders, filled with text.
import { note, withoutNote } from "./message_note.js";
import { writeText } from "./message_text.js";
import { writeLocalTime } from "../page/local_time.js";

const UNVERIFIED = [
  "This message could not be verified",
  "It is not where it was written, so it is not shown. The admins have been told.",
];
export const REMOVED = "message removed";
const template = document.getElementById("message-template");
const colours = new Map(); // by name, as the server gave them: one's own line has one before the server has seen it
const texts = new WeakMap(); // by line, as sent: what the line shows may say more, such as where a link leads

function part(line, name) {
  return line.querySelector(`.message__${name}`);
}

function colour(line, name, number) {
  if (number) colours.set(name, number);
  const known = colours.get(name);
  if (known) line.classList.add(`name-${known}`);
}

/** Writes the text, and marks the line if it is one's own or calls one by name. */
function say(line, author, text, me) {
  texts.set(line, text);
  const called = writeText(part(line, "text"), text, me) && author !== me?.username;
  line.classList.toggle("message--mine", author === me?.username);
  line.classList.toggle("message--mention", called);
  if (!called) return;
  const words = document.createElement("span"); // colour never speaks alone
  words.className = "visually-hidden";
  words.textContent = "Mentions you: ";
  part(line, "body").prepend(words);
}

function showBadges(line, badges = []) {
  if (badges.length === 0) return part(line, "badges").remove();
  for (const badge of line.querySelectorAll("[data-badge]")) {
    if (!badges.includes(badge.dataset.badge)) badge.remove();
  }
}

function showReply(line, reply) {
  const quote = part(line, "reply");
  if (!reply) return quote.remove();
  quote.dataset.replyTo = reply.id;
  part(quote, "reply-to").textContent = reply.username;
  part(quote, "reply-text").textContent = reply.text;
}

/** A new line that shows a wire message; `me` is {username} or null. What the message does not need is not there. */
export function lineOf(message, me) {
  const { author, kind, text } = message;
  const line = template.content.firstElementChild.cloneNode(true);
  if (message.id) line.dataset.messageId = message.id;
  else delete line.dataset.messageId;
  colour(line, author.username, author.colour);
  line.classList.toggle("message--action", kind === "me");
  line.classList.toggle("message--unverified", Boolean(message.unverified));
  const time = part(line, "time");
  time.dateTime = message.sent_at;
  writeLocalTime(time, "time");
  part(line, "author").textContent = author.username;
  showBadges(line, author.badges);
  showReply(line, message.reply_to);
  say(line, author.username, message.unverified ? UNVERIFIED[0] : text, me);
  if (message.unverified) note(line, "unverified", UNVERIFIED[1]);
  else if (message.id) withoutNote(line);
  return line;
}

/** Takes over a line that the server rendered. */
export function adopt(line, me) {
  const author = authorOf(line);
  const rendered = /\bname-(\d+)\b/.exec(line.className);
  line.tabIndex = -1;
  if (rendered) colours.set(author, Number(rendered[1]));
  writeLocalTime(part(line, "time"), "time");
  say(line, author, part(line, "text").textContent, me);
}

export function authorOf(line) {
  return part(line, "author")?.textContent ?? ""; // a removed line has none
}

export function badgesOf(line) {
  return [...line.querySelectorAll("[data-badge]")].map((badge) => badge.dataset.badge);
}

export function textOf(line) {
  return texts.get(line) ?? "";
}

export function ageOf(line) {
  return Date.now() - new Date(part(line, "time").dateTime).valueOf();
}

export function isRemoved(line) {
  return !line.isConnected || line.classList.contains("message--removed");
}

/** What is left of a deleted message: its place. */
export function removeText(line) {
  texts.delete(line);
  line.className = "message message--removed";
  part(line, "body").replaceChildren(part(line, "text"));
  part(line, "text").textContent = "Message removed";
}

/** A quote whose message is gone says so instead. */
export function removeQuote(quote) {
  part(quote, "reply-text").textContent = REMOVED;
}
