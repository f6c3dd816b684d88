// Tells the server, at most once a minute, that the person is there: open sockets alone keep nobody signed in.
import { onActivity } from "../page/person.js";

const EVERY_MS = 60_000;

export function reportActivity(connection) {
  let reported = Date.now();
  let due = null;

  function report() {
    due = null;
    reported = Date.now();
    connection.ask("active", {}, () => {});
  }

  // Told late rather than dropped: the server must never count from an earlier act than the page that warns.
  onActivity(() => {
    due ??= setTimeout(report, Math.max(0, reported + EVERY_MS - Date.now()));
  });
}
