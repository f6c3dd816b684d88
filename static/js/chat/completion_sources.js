// What can be completed: commands that this person may give, names of people seen, emoji by name.
import { commandsFor } from "./commands.js";
import * as emoji from "./emoji.js";

const MOST = 8;

function matching(pattern, before, options) {
  const found = pattern.exec(before);
  if (!found) return null;
  const typed = found.at(-1);
  return { from: before.length - typed.length, options: options(typed).slice(0, MOST) };
}

export function commandSource(list) {
  return (before) => matching(/^(\/[a-z]*)$/i, before, (typed) => {
    const fitting = commandsFor(list.me).filter(({ name }) => name.startsWith(typed.slice(1).toLowerCase()));
    return fitting.map(({ name, usage, meaning }) => ({ value: `/${name} `, label: usage, hint: meaning }));
  });
}

/** "@na" anywhere, and "na" after a command that takes a name. */
export function nameSource(list) {
  const fitting = (typed) => list.names.filter((name) => {
    return name.toLowerCase().startsWith(typed) && name !== list.me?.username;
  });
  return (before) => {
    const called = matching(/(?:^|\s)(@[a-z0-9_-]*)$/i, before, (typed) => {
      return fitting(typed.slice(1).toLowerCase()).map((name) => ({ value: `@${name} `, label: `@${name}` }));
    });
    return called ?? matching(/^\/(?:delete|timeout|ban|unban) +@?([a-z0-9_-]*)$/i, before, (typed) => {
      return fitting(typed.toLowerCase()).map((name) => ({ value: `${name} `, label: name }));
    });
  };
}

/** ":sm": the list of emoji is fetched when it is first needed, and `look` called when it is there. */
export function emojiSource(look) {
  return (before) => matching(/(?:^|[^\p{L}\p{N}:])(:[a-z0-9_+-]{2,})$/iu, before, (typed) => {
    if (emoji.all().length === 0) {
      emoji.load().then(look, () => {});
      return [];
    }
    return emoji.search(typed.slice(1), MOST).map(([sign, names]) => {
      return { value: `${sign} `, label: `${sign} :${names.split(" ")[0]}:` };
    });
  });
}
