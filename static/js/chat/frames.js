// Gathers what comes in and hands it on once per frame: fifty messages a second are then not fifty changes of the page.
const HIDDEN_MS = 250; // a hidden tab has no frames

/** Returns a function that takes one item; `act` gets all that came since the last frame, in order. */
export function inFrames(act) {
  let items = [];

  function flush() {
    const ready = items;
    items = [];
    act(ready);
  }

  return (item) => {
    items.push(item);
    if (items.length > 1) return;
    if (document.hidden) setTimeout(flush, HIDDEN_MS);
    else requestAnimationFrame(flush);
  };
}
