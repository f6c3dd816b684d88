// What a line that begins with "/" means. The server never sees an unknown one.
import { MODERATOR_COMMANDS } from "./moderator_commands.js";
import { inWords } from "./people.js";

function bold(text) {
  const made = document.createElement("b");
  made.textContent = text;
  return made;
}

const COMMANDS = [
  {
    name: "help",
    usage: "/help",
    meaning: "this list",
    run({ list }) {
      for (const { usage, meaning } of [...commandsFor(list.me), LITERAL]) list.tell(bold(usage), `: ${meaning}`);
      return true;
    },
  },
  { name: "me", usage: "/me TEXT", meaning: "say what you do: /me waves", run: () => "What do you do?" },
  {
    name: "users",
    usage: "/users",
    meaning: "who is here",
    run({ list, people, scroll }) {
      people.ask((found, visitors) => {
        const names = found.map(({ username }) => username).join(", ");
        list.tell(`${inWords(found.length, visitors)} here${names ? `: ${names}` : ""}`);
        scroll.settle();
      }, (words) => list.tell(words));
      return true;
    },
  },
  {
    name: "whoami",
    usage: "/whoami",
    meaning: "who you are here",
    run({ list }) {
      const { username, badges = [] } = list.me ?? {};
      if (!username) list.tell("You are a visitor: you can read, and write after signing in");
      else list.tell("You are ", bold(username), badges.length ? `, ${badges.join(", ")} of this channel` : "");
      return true;
    },
  },
  {
    name: "time",
    usage: "/time",
    meaning: "the time, yours and UTC",
    run({ list }) {
      const now = new Date();
      list.tell(`It is ${now.toLocaleTimeString()} for you, ${now.toISOString().slice(11, 16)} UTC`);
      return true;
    },
  },
  {
    name: "clear",
    usage: "/clear",
    meaning: "empty your own screen, nobody else's",
    run({ list }) {
      list.clear();
      return true;
    },
  },
];
const LITERAL = { usage: "//TEXT", meaning: "send a text that begins with a slash" };

/** The commands that somebody may give; `me` as the server describes them, or null. */
export function commandsFor(me) {
  return me?.can_moderate ? [...COMMANDS, ...MODERATOR_COMMANDS] : COMMANDS;
}

/**
 * Reads what was typed. A text to send comes back as {text, shown, kind}; a command that was carried out here as
 * {done: true}; one that cannot be, told on the screen, as {}.
 */
export function read(typed, page) {
  if (typed.startsWith("//")) return { text: typed, shown: typed.slice(1), kind: "text" };
  if (!typed.startsWith("/")) return { text: typed, shown: typed, kind: "text" };
  const [, given, rest] = /^\/(\S*)\s*([^]*)$/.exec(typed);
  const name = given.toLowerCase();
  if (name === "me" && rest) return { text: `/me ${rest}`, shown: rest, kind: "me" };
  const command = commandsFor(page.list.me).find((each) => each.name === name);
  if (!command) {
    page.list.tell("There is no ", bold(`/${given}`), " here. ", bold("/help"), " lists what there is");
    return {};
  }
  const wrong = command.run(page, rest);
  if (wrong === true) return { done: true };
  page.list.tell(`${wrong} `, bold(command.usage), `: ${command.meaning}`);
  return {};
}
