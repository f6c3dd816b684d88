// What a line that begins with "/" means. The server never sees an unknown one.
const HELP = [
  ["/help", "this list"],
  ["/me text", "say what you do: /me waves"],
  ["/whoami", "who you are here"],
  ["/time", "the time, yours and UTC"],
  ["/clear", "empty your own screen, nobody else's"],
  ["//text", "send a text that begins with a slash"],
];

function bold(text) {
  const made = document.createElement("b");
  made.textContent = text;
  return made;
}

const LOCAL = {
  help({ list }) {
    for (const [usage, meaning] of HELP) list.tell(bold(usage), `: ${meaning}`);
  },
  whoami({ list }) {
    const { username, badges = [] } = list.me ?? {};
    if (!username) list.tell("You are a visitor: you can read, and write after signing in");
    else list.tell("You are ", bold(username), badges.length ? `, ${badges.join(", ")} of this channel` : "");
  },
  time({ list }) {
    const now = new Date();
    list.tell(`It is ${now.toLocaleTimeString()} for you, ${now.toISOString().slice(11, 16)} UTC`);
  },
  clear({ list }) {
    list.clear();
  },
};

/**
 * Reads what was typed. A text to send comes back as {text, shown, kind}; a command that was carried out here as
 * {done: true}; one that cannot be, told on the screen, as {}.
 */
export function read(typed, page) {
  if (typed.startsWith("//")) return { text: typed, shown: typed.slice(1), kind: "text" };
  if (!typed.startsWith("/")) return { text: typed, shown: typed, kind: "text" };
  const [, name, rest] = /^\/(\S*)\s*([^]*)$/.exec(typed);
  if (name === "me") {
    if (rest) return { text: `/me ${rest}`, shown: rest, kind: "me" };
    page.list.tell("After ", bold("/me"), " comes what you do: /me waves");
    return {};
  }
  if (Object.hasOwn(LOCAL, name)) {
    LOCAL[name](page);
    return { done: true };
  }
  page.list.tell("There is no ", bold(`/${name}`), " here. ", bold("/help"), " lists what there is");
  return {};
}
