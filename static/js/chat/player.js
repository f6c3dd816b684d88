// The stream's player comes once somebody asks for it, without loading the page anew: what is typed stays as it is.
export function offerPlayer(place) {
  const offer = place?.querySelector("#watch");
  offer?.addEventListener("click", (event) => {
    event.preventDefault();
    const frame = place.querySelector("template").content.firstElementChild.cloneNode(true);
    place.replaceChildren(frame);
    frame.focus();
    history.replaceState(null, "", offer.href); // loaded anew, the page plays on
  });
}
