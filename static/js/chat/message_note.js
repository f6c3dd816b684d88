// What became of a line, said under it: "Sending…", or why it was not sent and what can be done.

/** `state` is "pending", "failed" or "" (arrived); a button is shown for each of `retry` and `discard` that is given. */
export function note(line, state, words = "", { retry, discard } = {}) {
  line.classList.toggle("message--pending", state === "pending");
  line.classList.toggle("message--failed", state === "failed");
  const place = line.querySelector(".message__note");
  if (!place) return; // a server-rendered line: it has arrived, and nothing more becomes of it
  place.hidden = !words;
  place.querySelector("[data-note]").textContent = words;
  offer(place.querySelector("[data-retry]"), retry);
  offer(place.querySelector("[data-discard]"), discard);
}

function offer(button, act) {
  button.hidden = !act;
  button.onclick = act ?? null;
}
