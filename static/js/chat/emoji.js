// Emoji by name. The list is 20 KB, so it is fetched when somebody first types a colon and a letter, or opens the picker.
const CODE = /(?<![\p{L}\p{N}:])(:([a-z0-9_+-]{1,60}):)/gu;

let known = null; // by name
let groups = [];
let coming = null;

/** Fetches the list once; afterwards everything here answers at once. */
export function load() {
  coming ??= import("../../vendor/emoji.js").then(({ default: listed }) => {
    groups = listed;
    known = new Map(groups.flatMap(([, members]) => members.flatMap(([sign, names]) => {
      return names.split(" ").map((name) => [name, sign]);
    })));
  }).catch((error) => {
    coming = null; // no connection: the next time it is tried again
    throw error;
  });
  return coming;
}

export function all() {
  return groups;
}

/** True if `text` may hold names that cannot be looked up yet. */
export function isWaitedFor(text) {
  return !known && text.search(CODE) >= 0;
}

/** `text` with emoji in the place of their names: ":smile:" becomes 😄; what is no name stays. */
export function withEmoji(text) {
  return known ? text.replace(CODE, (whole, code, name) => known.get(name) ?? whole) : text;
}

/** Up to `most` of [emoji, names, label] that fit what was typed: those that begin with it, then those that hold it. */
export function search(typed, most) {
  const wanted = typed.toLowerCase().replaceAll(" ", "_");
  const ranked = groups.flatMap(([, members]) => members).map((member) => [fits(member, wanted), member]);
  const found = ranked.filter(([rank]) => rank > 0).sort(([one], [other]) => other - one);
  return found.slice(0, most).map(([, member]) => member);
}

function fits([, names, label], wanted) {
  const each = names.split(" ");
  if (each.includes(wanted)) return 4;
  if (each.some((name) => name.startsWith(wanted))) return 3;
  const words = `${names} ${label}`.toLowerCase().split(/[\s_]+/);
  if (words.some((word) => word.startsWith(wanted))) return 2;
  return names.includes(wanted) ? 1 : 0;
}
