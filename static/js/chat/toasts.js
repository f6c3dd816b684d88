// Short words about what was just done, with a way back where there is one.
const SHOWN_S = 6;
const ACT_S = 60;

export class Toasts {
  constructor(place) {
    this.place = place;
  }

  /** Shows `words` for a while; with `way`, [words, act], for a minute, beside a button that does it. */
  show(words, way = null) {
    const toast = document.createElement("div");
    toast.className = "toast";
    const text = document.createElement("p");
    text.className = "toast__text";
    text.textContent = words;
    toast.append(text);
    const [label, act] = way ?? ["Close", () => {}];
    toast.append(this.button(label, toast, act));
    this.place.append(toast);
    setTimeout(() => toast.remove(), (way ? ACT_S : SHOWN_S) * 1000);
  }

  button(words, toast, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button button--quiet button--small";
    made.textContent = words;
    made.addEventListener("click", () => {
      toast.remove();
      act();
    });
    return made;
  }
}
