// Who stands above whom in a channel, as far as badges tell. The server decides; this only offers nothing in vain.
const RANKS = ["moderator", "streamer", "admin"];

const rank = (badges = []) => Math.max(-1, ...badges.map((badge) => RANKS.indexOf(badge)));

/** True if somebody with the badges `mine` may act on somebody with the badges `theirs`. */
export function outranks(mine, theirs) {
  return rank(mine) > rank(theirs);
}
