// The channel page: makes the parts of the chat and lets them hear each other.
import { reportActivity } from "./activity.js";
import { Attention } from "./attention.js";
import { ChatMenu } from "./chat_menu.js";
import { Completion } from "./completion.js";
import { commandSource, emojiSource, nameSource } from "./completion_sources.js";
import { Composer } from "./composer.js";
import { ComposerNotice } from "./composer_notice.js";
import { Connection } from "./connection.js";
import { ConnectionState } from "./connection_state.js";
import { Draft } from "./draft.js";
import { EmojiButton } from "./emoji_button.js";
import { Feed } from "./feed.js";
import { HouseRules } from "./house_rules.js";
import { MessageList } from "./message_list.js";
import { MessageMenu } from "./message_menu.js";
import { MessageToolbar } from "./message_toolbar.js";
import { MessageWalk } from "./message_walk.js";
import { Moderation } from "./moderation.js";
import { Modes } from "./modes.js";
import { Muted } from "./muted.js";
import { News } from "./news.js";
import { OlderMessages } from "./older_messages.js";
import { Outbox } from "./outbox.js";
import { PageTitle } from "./page_title.js";
import { People } from "./people.js";
import { offerPlayer } from "./player.js";
import { Reply } from "./reply.js";
import { Restraint } from "./restraint.js";
import { Room } from "./room.js";
import { ScrollPosition } from "./scroll_position.js";
import { SignOut } from "./sign_out.js";
import { Toasts } from "./toasts.js";

const find = (id) => document.getElementById(id);
const log = find("chat-log");
const { channel, me, badges, lastId, more } = log.dataset;
const person = me ? { username: me, badges: badges.split(" ").filter(Boolean) } : null;
const input = find("chat-input"); // visitors have none

const parts = { channel };
const room = new Room(parts, person);
const tell = (words) => parts.news.tell(words);

parts.state = new ConnectionState(find("chat-status"));
const notice = (parts.notice = new ComposerNotice(find("composer-notice")));
const muted = (parts.muted = new Muted());
const list = (parts.list = new MessageList(log, person, muted));
const scroll = (parts.scroll = new ScrollPosition(log, find("new-messages"), (following) => parts.older.drop(following)));
const connection = (parts.connection = new Connection({ up: () => parts.feed.join(), down: () => room.down() }));
const place = { connection, channel };
const toasts = (parts.toasts = new Toasts(find("toasts")));
const moderation = new Moderation({ ...place, toasts, tell });
const people = new People(place);
parts.title = new PageTitle();
parts.attention = new Attention(document.title.split(" · ")[0]);
parts.restraint = new Restraint(notice);
parts.feed = new Feed({
  ...place,
  last: Number(lastId),
  show: (message) => room.show(message),
  again: (message) => room.again(message),
  joined: (answer) => room.joined(answer),
  removed: (ids) => list.remove(...ids),
  left: (after, before) => room.left(after, before),
  refused: (error) => room.refused(error),
});
parts.modes = new Modes({ element: find("chat-modes"), tell, changed: (now) => parts.panel?.modes(now) });
const noticed = (each) => room.noticed(each);
parts.news = new News({ ...place, list, scroll, viewers: find("viewer-count"), modes: parts.modes, noticed });
parts.older = new OlderMessages({ log, place: find("chat-older"), ...place, list, scroll, more: more === "true" });
const outbox = (parts.outbox = new Outbox({
  ...place,
  list,
  confirmed: (id) => parts.feed.shown(id),
  refused: (entry, error) => parts.composer.takeBack(entry, error),
}));
const write = (text) => parts.composer.write(text);
const reply = (parts.reply = new Reply({ element: find("composer-reply"), input, list, write }));
const menu = new MessageMenu({ element: find("message-menu"), list, scroll, muted, moderation, reply });
parts.menu = menu;
parts.toolbar = new MessageToolbar({ element: find("message-toolbar"), log, menu, scroll });
parts.walk = new MessageWalk({ log, menu, scroll, leave: () => (input ?? log).focus() });
parts.signOut = new SignOut({ list, notice, outbox, composer: null });
new ChatMenu({ element: find("chat-menu"), attention: parts.attention, muted });
list.removed = () => room.removed();

if (input) {
  const composer = new Composer({
    input,
    button: find("chat-send"),
    counter: find("chat-counter"),
    notice,
    draft: new Draft(channel, me),
    reply,
    page: { list, outbox, scroll, people, moderation },
    rules: new HouseRules({ element: find("chat-rules"), channel }),
    mayWrite: () => room.mayWrite(),
  });
  const sources = [commandSource(list), nameSource(list), emojiSource(() => composer.completion.look())];
  const completed = () => composer.changed();
  composer.completion = new Completion({ input, listbox: find("chat-suggestions"), sources, completed });
  const chosen = (sign) => composer.insert(sign);
  new EmojiButton({ button: find("chat-emoji"), input, chosen, failed: (words) => toasts.show(words) });
  parts.signOut.composer = parts.composer = composer;
  reportActivity(connection);
}

const panel = find("moderator-panel"); // the page has it for moderators alone, and so is its script for them alone
if (panel) {
  import("./moderator_panel.js").then(({ ModeratorPanel }) => {
    parts.panel = new ModeratorPanel({ element: panel, button: find("panel-button"), moderation, people, menu });
    parts.panel.modes(parts.modes.known);
  });
}

offerPlayer(find("player"));
connection.on("signed_out", ({ reason }) => room.signedOut(reason));
// The server cuts the socket of somebody who is away, and the page goes on reading: it is not loaded anew.
document.addEventListener("idle", (event) => event.preventDefault());
room.setLive(false);
connection.start();
