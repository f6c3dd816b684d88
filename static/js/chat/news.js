// What the server tells besides messages: who watches, what was removed, what this one client should know.
export class News {
  constructor({ connection, channel, list, scroll, viewers }) {
    Object.assign(this, { list, scroll, viewers });
    const here = (listener) => (payload) => payload.channel === channel && listener(payload);
    connection.on("viewers", here(({ count }) => this.watching(count)));
    connection.on("message_deleted", here(({ id }) => list.remove(id)));
    connection.on("messages_cleared", here(({ username }) => list.removeAll(username)));
    connection.on("notice", ({ message }) => this.tell(message));
  }

  watching(count) {
    if (Number.isInteger(count)) this.viewers.textContent = count;
  }

  tell(words) {
    this.list.tell(words);
    this.scroll.settle();
  }
}
