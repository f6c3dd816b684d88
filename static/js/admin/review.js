// The queue of applications, live: news come over the chat's socket, what is new is asked for as a page, and its marked
// parts take the place of the old ones. Without socket or script every page is as good once it is loaded anew.
import { Connection } from "../chat/connection.js";
import { fetchPage } from "../page/fetched_page.js";
import { showLocalTimes } from "../page/local_time.js";
import { listenForKeys } from "./keys.js";

const GATHER_MS = 150; // twenty decisions at once are one page
const QUIET = new Set(["claimed", "released", "opened", "noted"]); // they change no decision
const HOW = {
  needs_information: "its applicant was asked for more",
  approved: "it was approved",
  rejected: "it was not approved",
  withdrawn: "its applicant took it back",
  expired: "its sign-in expired",
  pending: "it waits again",
};
const main = document.querySelector("[data-review]");
let timer;

const boxes = () => document.querySelectorAll("input[name=chosen]");

async function refresh() {
  const fresh = await fetchPage(main.dataset.review);
  if (!fresh?.querySelector("[data-review]")) return; // signed out meanwhile: the next click says so
  const chosen = new Set([...boxes()].filter((box) => box.checked).map((box) => box.value));
  const focused = document.activeElement?.closest("[data-live]") && document.activeElement.getAttribute("href");
  for (const part of document.querySelectorAll("[data-live]")) {
    const newer = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (newer) part.replaceChildren(...document.importNode(newer, true).childNodes);
  }
  for (const box of boxes()) box.checked = chosen.has(box.value);
  if (focused) document.querySelector(`[data-live] a[href="${CSS.escape(focused)}"]`)?.focus();
  if ("titled" in main.dataset) document.title = fresh.title;
  showLocalTimes();
}

function refreshSoon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, GATHER_MS);
}

function changed({ id, status, step }) {
  refreshSoon();
  if (step === "received") document.querySelector("#live-says").textContent = "A new application came in.";
  if (String(id) !== main.dataset.application || QUIET.has(step)) return;
  document.querySelector("#changed-how").textContent = HOW[status] ? `: ${HOW[status]}` : "";
  document.querySelector("#changed").hidden = false;
}

const connection = new Connection({
  up: () => connection.ask("review", {}, (answer) => answer.ok && heardFromNowOn()),
  down: () => {},
});
let heardBefore = false;

function heardFromNowOn() {
  connection.steady();
  if (heardBefore) refresh(); // what happened while nobody listened
  heardBefore = true;
  main.dataset.heard = ""; // tests wait for it
}

connection.on("application_changed", changed);
connection.on("signed_out", () => connection.stop());
connection.start();
listenForKeys();
