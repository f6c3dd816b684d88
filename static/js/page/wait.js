// Counts a refused request's Retry-After down, so that nobody has to reload to learn whether it is time.
import { announce } from "./announcement.js";

/** Seconds in words that stay short: "42 s", "3:05", "2 h 10 min". */
export function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function countDown(element) {
  const until = Date.now() + Number(element.dataset.retryAfter) * 1000;
  const clock = setInterval(() => {
    const left = Math.ceil((until - Date.now()) / 1000);
    element.textContent = left > 0 ? duration(left) : "0 s";
    if (left > 0) return;
    clearInterval(clock);
    announce("You can try again now");
  }, 1000);
}

export function countDownWaits() {
  for (const element of document.querySelectorAll("[data-retry-after]")) countDown(element);
}
