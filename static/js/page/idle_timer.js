// Signing out a person who is away. The server decides and enforces; this warns in time, and then asks the server.
import { onActivity } from "./person.js";
import { duration } from "./wait.js";

const MINUTE = 60_000;
const WARN_BEFORE = 2 * MINUTE;
const TELL_SERVER_EVERY = 5 * MINUTE;
const ASK_AGAIN_AFTER = 10_000; // when the server did not answer
const CHEAP_PAGE = "/account/sessions"; // a request that changes nothing; any page of a signed-in person would do

/** How many seconds the server still waits for this person, who may be active elsewhere. 0: it signed them out now. */
async function secondsLeft() {
  const token = document.querySelector("#sign-out [name=csrf_token]").value;
  const answer = await fetch("/account/away", {
    method: "POST",
    headers: { "X-CSRFToken": token },
    redirect: "manual", // signed out already: it would lead to the sign-in page
  });
  return answer.ok ? (await answer.json()).seconds : 0;
}

function somethingIsTyped() {
  const fields = [...document.querySelectorAll("main :is(input:not([type=hidden], [type=password]), textarea)")];
  return fields.some((field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked);
}

/**
 * Starts the timer. When the time is over it sends a cancelable "idle" event to the document: a page with an open
 * stream takes it over (its socket is cut by the server). Any other page asks the server, and is loaded anew once its
 * person is signed out; unless they had typed something, which must not be lost: then the page says so and stays.
 */
export function startIdleTimer(minutes) {
  const limit = minutes * MINUTE;
  const warnAt = limit - Math.min(WARN_BEFORE, limit / 2);
  const warning = document.getElementById("activity-warning");
  let last = Date.now();
  let told = Date.now();
  let asking = false;

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

  async function over() {
    if (asking) return;
    asking = true;
    if (warning) warning.hidden = true;
    if (!document.dispatchEvent(new Event("idle", { cancelable: true }))) restart();
    else await askServer();
    asking = false;
  }

  async function askServer() {
    let left = ASK_AGAIN_AFTER / 1000;
    try {
      left = await secondsLeft();
    } catch {
      // Offline, or the server restarts.
    }
    last = Date.now() - limit + left * 1000;
    if (left) return;
    clearInterval(clock);
    // Not reload(): on the answer to a form that would send the form again.
    if (!somethingIsTyped()) location.replace(location.pathname + location.search);
    else document.getElementById("signed-out").hidden = false;
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
