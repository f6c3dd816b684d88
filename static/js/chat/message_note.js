// What became of a line, said under it: "Sending…", or why it was not sent and what can be done.

/** `state` is "pending" or "failed"; a button is shown for each of `retry` and `discard` that is given. */
export function note(line, state, words, { retry, discard } = {}) {
  line.classList.toggle("message--pending", state === "pending");
  line.classList.toggle("message--failed", state === "failed");
  const place = line.querySelector(".message__note");
  place.hidden = false;
  if (state === "failed") place.setAttribute("aria-live", "polite"); // the line itself is silent until it is stored
  place.querySelector("[data-note]").textContent = words;
  offer(place.querySelector("[data-retry]"), retry);
  offer(place.querySelector("[data-discard]"), discard);
}

/** The line has arrived: nothing is left to say. */
export function withoutNote(line) {
  line.classList.remove("message--pending", "message--failed");
  line.querySelector(".message__note")?.remove();
}

function offer(button, act) {
  button.hidden = !act;
  button.onclick = act ?? null;
}
