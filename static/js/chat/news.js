// What the server tells besides messages: who watches, what was removed, what this one client should know.
export class News {
  /** `noticed(notice)` is called for each notice about this channel, once it is told. */
  constructor({ connection, channel, list, scroll, viewers, modes, noticed }) {
    Object.assign(this, { list, scroll, viewers });
    const here = (listener) => (payload) => (payload.channel?.slug ?? payload.channel) === channel && listener(payload);
    connection.on("viewers", here(({ count }) => this.watching(count)));
    connection.on("message_deleted", here(({ id }) => list.remove(id)));
    connection.on("messages_cleared", here(({ username, up_to: upTo, reason }) => list.removeAll(username, upTo, reason)));
    connection.on("channel_updated", here(({ channel: updated }) => modes.update(updated)));
    connection.on("notice", (notice) => {
      if (notice.code === "restarting") return; // the line above the chat says all there is to say
      this.tell(notice.message);
      if (notice.channel === channel) noticed(notice);
    });
  }

  watching(count) {
    if (Number.isInteger(count)) this.viewers.textContent = count;
  }

  tell(words) {
    this.list.tell(words);
    this.scroll.settle();
  }
}
