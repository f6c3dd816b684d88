// The channel page: makes the parts of the chat and lets them hear each other.
import { reportActivity } from "./activity.js";
import { Composer } from "./composer.js";
import { ComposerNotice } from "./composer_notice.js";
import { Connection } from "./connection.js";
import { ConnectionState } from "./connection_state.js";
import { Draft } from "./draft.js";
import { Feed } from "./feed.js";
import { MessageList } from "./message_list.js";
import { News } from "./news.js";
import { OlderMessages } from "./older_messages.js";
import { Outbox } from "./outbox.js";
import { PageTitle } from "./page_title.js";
import { ScrollPosition } from "./scroll_position.js";
import { SignOut } from "./sign_out.js";

const find = (id) => document.getElementById(id);
const log = find("chat-log");
const channel = log.dataset.channel;
const person = log.dataset.me ? { username: log.dataset.me, badges: [] } : null;
const input = find("chat-input"); // visitors have none

const state = new ConnectionState(find("chat-status"));
const notice = new ComposerNotice(find("composer-notice"));
const title = new PageTitle();
const list = new MessageList(log, person);
const scroll = new ScrollPosition(log, find("new-messages"), (following) => older.drop(following));
const connection = new Connection({ up: () => feed.join(), down });
const feed = new Feed({ connection, channel, last: Number(log.dataset.lastId), show, again, joined, refused });
const news = new News({ connection, channel, list, scroll, viewers: find("viewer-count") });
const more = log.dataset.more === "true";
const older = new OlderMessages({ log, place: find("chat-older"), channel, connection, list, scroll, more });
const outbox = new Outbox({
  connection,
  channel,
  list,
  confirmed: (id) => feed.shown(id),
  refused: (entry, error) => composer.takeBack(entry, error),
});
const composer = input && new Composer({
  input,
  button: find("chat-send"),
  counter: find("chat-counter"),
  notice,
  draft: new Draft(channel, log.dataset.me),
  page: { list, outbox, scroll },
  mayWrite,
});
const signOut = new SignOut({ list, notice, outbox, composer });
let live = false; // joined, and nothing lost since

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
  connection.steady();
  state.connected();
  news.watching(viewers);
  if (me && me.username === person?.username) {
    list.me = me;
    signOut.undone();
    outbox.resend();
    if (!notice.waiting) notice.hide(); // it may have said that there is no connection
  } else if (person && !signOut.reason) {
    signOut.happened("expired");
  }
  setLive(true);
}

function down() {
  setLive(false);
  state.lost();
}

/** This reader may not be here (any more): trying again would change nothing. */
function refused(error) {
  connection.stop();
  state.over();
  if (!signOut.reason) news.tell(error.message);
}

function setLive(now) {
  live = now;
  composer?.ready(live && !signOut.reason);
}

function mayWrite() {
  if (live && !signOut.reason) return true;
  if (!signOut.reason) notice.show("There is no connection at the moment. What you wrote stays here.");
  return false;
}

connection.on("signed_out", ({ reason }) => {
  signOut.happened(reason);
  setLive(live);
});
// The server cuts the socket of somebody who is away, and the page goes on reading: it is not loaded anew.
document.addEventListener("idle", (event) => event.preventDefault());
if (person) reportActivity(connection);
setLive(false);
connection.start();
