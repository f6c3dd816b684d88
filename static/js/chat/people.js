// Who is here, as the server counts.
export class People {
  constructor({ connection, channel }) {
    Object.assign(this, { connection, channel });
  }

  /** Calls `told(people, visitors)`, or `failed(words)`. */
  ask(told, failed) {
    this.connection.ask("people", { channel: this.channel }, ({ ok, people, visitors, error }) => {
      if (ok) told(people, visitors);
      else failed(error?.message ?? "Nobody could be counted just now.");
    });
  }
}

/** "3 people and 2 visitors" in words that fit the numbers. */
export function inWords(people, visitors) {
  const one = (number, singular, plural) => `${number} ${number === 1 ? singular : plural}`;
  const signedIn = one(people, "person", "people");
  return visitors ? `${signedIn} and ${one(visitors, "visitor", "visitors")}` : signedIn;
}
