// Says something to a screen reader without moving anything on the screen.
const region = document.createElement("p");
region.className = "visually-hidden";
region.setAttribute("role", "status");
document.body.append(region); // there before its first text: a region that arrives with its text is often not read

export function announce(text) {
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}
