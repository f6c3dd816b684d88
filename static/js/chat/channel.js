// The channel page: makes the parts of the chat and lets them hear each other.
import { reportActivity } from "./activity.js";
import { Composer } from "./composer.js";
import { ComposerNotice } from "./composer_notice.js";
import { Connection } from "./connection.js";
import { ConnectionState } from "./connection_state.js";
import { Draft } from "./draft.js";
import { Feed } from "./feed.js";
import { MessageList } from "./message_list.js";
import { OlderMessages } from "./older_messages.js";
import { Outbox } from "./outbox.js";
import { PageTitle } from "./page_title.js";
import { ScrollPosition } from "./scroll_position.js";
import { signedOutWords } from "./sign_out.js";

const MOST_LINES = 500;
const MOST_LINES_READING = 2000; // somebody who reads further up keeps more, not everything

const find = (id) => document.getElementById(id);
const log = find("chat-log");
const channel = log.dataset.channel;
const person = log.dataset.me ? { username: log.dataset.me, badges: [] } : null;
const input = find("chat-input"); // visitors have none

const state = new ConnectionState(find("chat-status"));
const notice = new ComposerNotice(find("composer-notice"));
const title = new PageTitle();
const list = new MessageList(log, person);
const scroll = new ScrollPosition(log, find("new-messages"), trim);
const connection = new Connection({ up: () => feed.join(), down });
const feed = new Feed({ connection, channel, last: Number(log.dataset.lastId), show, again, joined, refused: stop });
const older = new OlderMessages({
  log,
  place: find("chat-older"),
  channel,
  connection,
  list,
  scroll,
  more: log.dataset.more === "true",
});
const outbox = new Outbox({
  connection,
  channel,
  list,
  confirmed: (id) => feed.shown(id),
  refused: (entry, error) => composer.takeBack(entry, error),
});
const draft = new Draft(channel, log.dataset.me);
const page = { list, outbox, scroll };
const composer = input && new Composer({
  input,
  button: find("chat-send"),
  counter: find("chat-counter"),
  notice,
  draft,
  page,
  mayWrite,
});

let live = false; // joined, and nothing lost since
let signedOut = null; // the server's reason

function trim(following) {
  const most = following ? MOST_LINES : MOST_LINES_READING;
  if (list.lines.size <= most) return;
  scroll.hold(() => {
    list.trim(most);
    older.offer(true);
  });
}

function isMine(message) {
  return message.author.username === list.me?.username;
}

function show(message) {
  if (isMine(message)) {
    if (!outbox.claim(message)) list.show(message);
    scroll.settle();
  } else {
    list.show(message);
    scroll.grew();
    title.count();
  }
}

/** A message that was shown already: of one's own line the server has the final words. */
function again(message) {
  if (isMine(message) && list.lines.has(message.id)) list.show(message);
}

function joined({ me, viewers }) {
  live = true;
  connection.steady();
  state.connected();
  count(viewers);
  if (me && me.username === person?.username) {
    list.me = me;
    if (signedOut) notice.hide();
    signedOut = null;
    outbox.resend();
  } else if (person && !signedOut) {
    leaveSession("expired");
  }
  composer?.ready(!signedOut);
}

function down() {
  live = false;
  state.lost();
  composer?.ready(false);
}

/** This reader may not be here (any more): trying again would change nothing. */
function stop(error) {
  connection.stop();
  state.over();
  if (!signedOut) list.tell(error.message);
}

function leaveSession(reason) {
  signedOut = reason;
  list.me = null;
  delete document.body.dataset.activityTimeoutMinutes;
  notice.show(...signedOutWords(reason));
  composer?.ready(false);
  const unsent = outbox.surrender();
  if (unsent) composer.write([unsent, input.value].filter(Boolean).join("\n"));
}

function mayWrite() {
  if (live && !signedOut) return true;
  if (!signedOut) notice.show("There is no connection at the moment. What you wrote stays here.");
  return false;
}

function count(viewers) {
  if (Number.isInteger(viewers)) find("viewer-count").textContent = viewers;
}

function here(listener) {
  return (payload) => payload.channel === channel && listener(payload);
}

connection.on("signed_out", ({ reason }) => leaveSession(reason));
connection.on("notice", ({ message }) => {
  list.tell(message);
  scroll.settle();
});
connection.on("viewers", here((news) => count(news.count)));
connection.on("message_deleted", here(({ id }) => list.remove(id)));
connection.on("messages_cleared", here(({ username }) => list.removeAll(username)));
// The server cuts the socket of somebody who is away, and the page goes on reading: it is not loaded anew.
document.addEventListener("idle", (event) => event.preventDefault());
if (person) reportActivity(connection);
composer?.ready(false);
connection.start();
