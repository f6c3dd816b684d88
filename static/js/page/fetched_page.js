// A page asked for by a script: what is marked in it takes the place of what is there.

/** Markup from a string is refused by the page's policy; a document that the browser fetched is none. */
export function fetchPage(address) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.onloadend = () => resolve(request.status === 200 && request.response ? request.response : null);
    request.send();
  });
}
