// Keys of the review desk. They move; they decide nothing. Typing is typing: in a field no key means anything here.
const TYPING = "input:not([type=checkbox]), textarea, select, [contenteditable]";
const OFF = "review-keys-off";

function remembered() {
  try {
    return localStorage.getItem(OFF) === "1";
  } catch {
    return false; // storage can be forbidden
  }
}

function remember(off) {
  try {
    if (off) localStorage.setItem(OFF, "1");
    else localStorage.removeItem(OFF);
  } catch {
    // Then it holds for this page only.
  }
}

function move(by) {
  const links = [...document.querySelectorAll(".queue__name a")].filter((link) => link.checkVisibility());
  const at = links.indexOf(document.activeElement);
  const open = links.findIndex((link) => link.ariaCurrent === "true");
  const from = at >= 0 ? at : open;
  links[Math.max(0, Math.min(links.length - 1, from < 0 ? 0 : from + by))]?.focus();
}

/** To the button of a decision; where the applicant must be told something first, to the empty answer. */
function decide(key) {
  const answer = document.querySelector("#reason");
  const button = document.querySelector(`[data-key="${key}"]`);
  if (button) (key !== "a" && answer?.value.trim() === "" ? answer : button).focus();
}

/** Listens on the whole page. j, k: through the queue; a, r, i: to a decision; ?: help. */
export function listenForKeys() {
  const help = document.querySelector("#keys");
  const off = document.querySelector("#keys-off");
  document.querySelector("#keys-close").addEventListener("click", () => help.close());
  off.checked = remembered();
  off.addEventListener("change", () => remember(off.checked));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    if (event.target.closest?.(TYPING)) return;
    if (event.key === "?") help.showModal();
    else if (off.checked) return;
    else if (event.key === "j" || event.key === "k") move(event.key === "j" ? 1 : -1);
    else if (["a", "r", "i"].includes(event.key)) decide(event.key);
    else return;
    event.preventDefault();
  });
}
