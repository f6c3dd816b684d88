// Tells when the person did something, in this tab or in another one of the same browser.
const TELL_EVERY_MS = 1000;

const listeners = new Set();
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("streamzy-person") : null;
let told = 0;
let pointer = "";

function tell(act) {
  for (const listener of listeners) listener(act);
}

function acted(target, deliberate = true) {
  const now = Date.now();
  if (now - told < TELL_EVERY_MS) return;
  told = now;
  tabs?.postMessage(now);
  tell({ here: true, deliberate, target });
}

function moved(event) {
  // A page that changes under a resting pointer makes move events too: chat scrolling by is nobody's activity.
  const place = `${event.screenX},${event.screenY}`;
  if (pointer && place !== pointer) acted(event.target, false);
  pointer = place;
}

// No "scroll": the chat scrolls by itself. Wheel, touch, keys and the scroll bar's pointerdown are a person's.
for (const name of ["pointerdown", "keydown", "wheel", "touchmove"]) {
  addEventListener(name, (event) => acted(event.target), { capture: true, passive: true });
}
addEventListener("pointermove", moved, { capture: true, passive: true });
tabs?.addEventListener("message", () => tell({ here: false, deliberate: true }));

/** Calls `listener({here, deliberate, target})` at most once a second; a pointer that only moved is not deliberate. */
export function onActivity(listener) {
  listeners.add(listener);
}
