// Signing out a person who is away. The server decides and enforces; this warns in time, and then asks the server.
import { onActivity } from "./person.js";
import { duration } from "./wait.js";

const MINUTE = 60_000;
const WARN_BEFORE = 2 * MINUTE;
const TELL_SERVER_EVERY = 5 * MINUTE;
const CHEAP_PAGE = "/account/sessions"; // a request that changes nothing; any page of a signed-in person would do

/**
 * Starts the timer. When the time is over it sends a cancelable "idle" event to the document: a page with an open
 * stream takes it over (its socket is cut by the server), any other page is loaded anew.
 */
export function startIdleTimer(minutes) {
  const limit = minutes * MINUTE;
  const warnAt = limit - Math.min(WARN_BEFORE, limit / 2);
  const warning = document.getElementById("activity-warning");
  let last = Date.now();
  let told = Date.now();

  function tellServer() {
    told = Date.now();
    fetch(CHEAP_PAGE, { method: "HEAD", redirect: "manual", cache: "no-store" }).catch(() => {});
  }

  function restart() {
    last = Date.now();
    if (warning) warning.hidden = true;
  }

  function stay() {
    restart();
    tellServer();
  }

  function over() {
    restart();
    // Not reload(): on the answer to a form that would send the form again.
    if (document.dispatchEvent(new Event("idle", { cancelable: true }))) {
      location.replace(location.pathname + location.search);
    }
  }

  function look() {
    if (!document.body.dataset.activityTimeoutMinutes) {
      clearInterval(clock); // the chat has learned that this person is signed out already
      restart();
      return;
    }
    const idle = Date.now() - last;
    if (idle >= limit) over();
    else if (idle >= warnAt && warning) warn(limit - idle);
  }

  function warn(left) {
    warning.querySelector("[data-countdown]").textContent = duration(Math.ceil(left / 1000));
    warning.hidden = false; // after its text: it is read aloud when it appears
  }

  onActivity(({ here, deliberate, target }) => {
    const warned = warning && !warning.hidden;
    if (warned && !deliberate) return; // a nudged mouse is no answer to the question on the screen
    if (warned && target && warning.contains(target)) return; // its button answers, once the press is complete
    restart();
    if (here && (warned || Date.now() - told > TELL_SERVER_EVERY)) tellServer();
  });
  warning?.querySelector("[data-stay]").addEventListener("click", stay);
  const clock = setInterval(look, Math.min(1000, limit / 20));
}
