// Long work, live: while some is under way, its part of the page is asked for again. Without script, "Look again" does it.
import { fetchPage } from "../page/fetched_page.js";
import { showLocalTimes } from "../page/local_time.js";

const EVERY_MS = 2000;
const part = document.querySelector("[data-progress]");

async function look() {
  const fresh = document.hidden ? null : await fetchPage(part.dataset.progress);
  if (fresh?.body.childElementCount) {
    part.replaceChildren(...document.importNode(fresh.body, true).childNodes);
    showLocalTimes();
  }
  lookLater();
}

function lookLater() {
  if (part.querySelector("[data-under-way]")) setTimeout(look, EVERY_MS);
}

lookLater();
