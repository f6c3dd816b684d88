// What was said, as nodes: web addresses become links, names after "@" stand out. Everything is made node by node; no
// text ever becomes markup, and no address becomes a link but http and https.
const SPECIAL = /(https?:\/\/[^\s<>"]+)|(?<![\p{L}\p{N}_@/.-])@([a-z0-9][a-z0-9_-]{2,31})/giu;
const AFTER_ADDRESS = /[.,;:!?'*_~…)\]}]$/u;

const count = (text, sign) => text.split(sign).length - 1;

/** Where an address ends: the full stop of its sentence is none of it, nor is a bracket that was opened before it. */
function address(found) {
  let end = found.length;
  while (AFTER_ADDRESS.test(found.slice(0, end))) {
    const typed = found.slice(0, end);
    if (typed.endsWith(")") && count(typed, "(") >= count(typed, ")")) break;
    end -= 1;
  }
  return found.slice(0, end);
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

/** True if the text that is seen begins with the host that is gone to, and not with one that only looks like it. */
function isPlain(typed, { protocol, host, username, password }) {
  const begins = `${protocol}//${host}`;
  if (username || password || !typed.toLowerCase().startsWith(begins)) return false;
  return [undefined, "/", ":", "?", "#"].includes(typed[begins.length]);
}

function link(typed) {
  const url = URL.canParse(typed) ? new URL(typed) : null;
  if (!url || !["http:", "https:"].includes(url.protocol)) return [typed];
  const made = element("a", "message__link", typed);
  made.href = url.href;
  made.rel = "noopener nofollow ugc";
  made.target = "_blank";
  if (isPlain(typed, url)) return [made];
  // Letters of another alphabet, or a name before an "@": where it really leads stands beside it, in ASCII.
  return [made, element("span", "message__host", ` [${url.host}]`)];
}

/** Writes `text` into `place`; true if it calls `me` ({username} or null) by name. */
export function writeText(place, text, me) {
  const own = me?.username.toLowerCase();
  const nodes = [];
  let called = false;
  let done = 0;
  for (const { 0: whole, 1: found, 2: name, index } of text.matchAll(SPECIAL)) {
    const typed = found ? address(found) : whole;
    const isOwn = !found && name.toLowerCase() === own;
    called ||= isOwn;
    nodes.push(text.slice(done, index));
    if (found) nodes.push(...link(typed));
    else nodes.push(element(isOwn ? "strong" : "span", isOwn ? "message__mention" : "message__name", typed));
    done = index + typed.length;
  }
  if (nodes.length === 0) place.textContent = text;
  else place.replaceChildren(...nodes, text.slice(done));
  return called;
}
