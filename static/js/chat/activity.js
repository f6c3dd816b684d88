// Tells the server, at most once a minute, that the person is there: open sockets alone keep nobody signed in.
import { onActivity } from "../page/person.js";

const EVERY_MS = 60_000;

export function reportActivity(connection) {
  let reported = Date.now();
  onActivity(() => {
    if (Date.now() - reported < EVERY_MS || !connection.open) return;
    reported = Date.now();
    connection.ask("active", {}, () => {});
  });
}
