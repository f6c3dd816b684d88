// <input data-check-address="/where/to/ask"> says while one types whether that address could be had. The server's
// answer to the form is what counts: this only spares the way there.
const PAUSE_MS = 400;

function placeForAnswers(input) {
  const place = document.createElement("p");
  place.id = `${input.id}-live`;
  place.className = "field__live";
  place.setAttribute("role", "status");
  (input.closest(".affix") ?? input).after(place);
  const described = input.getAttribute("aria-describedby");
  input.setAttribute("aria-describedby", described ? `${described} ${place.id}` : place.id);
  return place;
}

function check(input) {
  const place = placeForAnswers(input);
  let timer;

  function say(text, free) {
    place.textContent = text;
    place.classList.toggle("field__live--free", free);
  }

  async function ask() {
    const slug = input.value.trim().toLowerCase();
    if (!slug) return;
    try {
      const answer = await fetch(`${input.dataset.checkAddress}?${new URLSearchParams({ slug })}`);
      const { free, message } = answer.ok ? await answer.json() : { free: false, message: "" };
      if (input.value.trim().toLowerCase() === slug) say(message, free); // else a later answer is on its way
    } catch {
      say("", false); // no line just now: sending the form will tell
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    say("", false);
    timer = setTimeout(ask, PAUSE_MS);
  });
}

export function checkAddresses() {
  document.querySelectorAll("[data-check-address]").forEach(check);
}
