// <button data-copy="#what" hidden> copies that element's value or text; hidden until it can.
import { announce } from "./announcement.js";

const SHOWN_MS = 2000;

export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain HTTP from another machine has no clipboard interface; the old command still works there.
  const box = document.createElement("textarea");
  box.className = "visually-hidden";
  box.value = text;
  document.body.append(box);
  box.select();
  const copied = document.execCommand("copy");
  box.remove();
  if (!copied) throw new Error("The browser did not copy");
}

async function pressed(button) {
  const source = document.querySelector(button.dataset.copy);
  let said = "Copied";
  try {
    await copy(source.value ?? source.textContent.trim());
  } catch {
    said = "Not copied: please select it";
  }
  announce(said);
  const label = button.querySelector("[data-copy-label]");
  if (!label) return;
  label.dataset.said ??= label.textContent;
  label.textContent = said;
  clearTimeout(button.timer);
  button.timer = setTimeout(() => {
    label.textContent = label.dataset.said;
  }, SHOWN_MS);
}

export function offerCopying() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => pressed(button));
  }
}
