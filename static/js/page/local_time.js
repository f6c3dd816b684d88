// The server writes times in UTC; a person reads them on their own clock. The words follow the browser's language.
const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const FORMS = {
  date: new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }),
  time: new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }), // 20:11: what the chat's gutter holds
};

/** Writes a <time datetime> in local words; `form` is "date", "time" (24 hours, always five characters) or both. */
export function writeLocalTime(element, form = "") {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.valueOf())) return;
  const exact = `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  element.title = form === "time" ? WHOLE.format(at) : exact;
  element.textContent = (FORMS[form] ?? WHOLE).format(at);
}

/** All of the page's times but the chat's, which belong to its lines; data-local="date" leaves the hour out. */
export function showLocalTimes() {
  for (const element of document.querySelectorAll("time[datetime]:not(.message__time)")) {
    writeLocalTime(element, element.dataset.local);
  }
}
