// The commands of moderators. What is wrong with one is said on the screen, and the text stays to be mended.
const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 };
const SHORTEST_S = 10;
const LONGEST_S = 14 * UNITS.d;

/** Seconds of "600", "10m", "1h", "2d", or null. */
function seconds(typed = "") {
  const [, number, unit = "s"] = /^(\d+)([smhd])?$/i.exec(typed) ?? [];
  return number ? Number(number) * UNITS[unit.toLowerCase()] : null;
}

const words = (rest) => rest.split(/\s+/).filter(Boolean);
const named = (word) => word?.replace(/^@/, "");

function latestOf(list, name) {
  const lines = [...list.lines].sort(([one], [other]) => other - one);
  return lines.find(([, line]) => line.querySelector(".message__author")?.textContent.toLowerCase() === name)?.[0];
}

/** Each returns true if it was asked for rightly, else what is wrong. */
export const MODERATOR_COMMANDS = [
  {
    name: "delete",
    usage: "/delete NAME",
    meaning: "remove the latest message of somebody, or the one with a number",
    run({ list, moderation }, rest) {
      const [who] = words(rest);
      if (!who) return "Whose message?";
      const id = /^#?\d+$/.test(who) ? Number(who.replace("#", "")) : latestOf(list, named(who).toLowerCase());
      if (!id) return `No message of ${named(who)} is on the screen.`;
      moderation.remove(id);
      return true;
    },
  },
  {
    name: "timeout",
    usage: "/timeout NAME SECONDS [reason]",
    meaning: "keep somebody from writing for a while; 10m, 1h and 1d will do too",
    run({ moderation }, rest) {
      const [who, time, ...reason] = words(rest);
      const long = seconds(time);
      if (!who || long === null) return "Who, and for how many seconds?";
      if (long < SHORTEST_S || long > LONGEST_S) return "A timeout takes from 10 seconds to 14 days.";
      moderation.timeOut(named(who), long, { reason: reason.join(" ") });
      return true;
    },
  },
  {
    name: "ban",
    usage: "/ban NAME [reason]",
    meaning: "keep somebody from writing for good",
    run({ moderation }, rest) {
      const [who, ...reason] = words(rest);
      if (!who) return "Who?";
      moderation.ban(named(who), { reason: reason.join(" ") });
      return true;
    },
  },
  {
    name: "unban",
    usage: "/unban NAME",
    meaning: "end a ban or a timeout",
    run({ moderation }, rest) {
      const [who, ...more] = words(rest);
      if (!who || more.length > 0) return "Who?";
      moderation.unban(named(who));
      return true;
    },
  },
  {
    name: "slow",
    usage: "/slow SECONDS or /slow off",
    meaning: "let each person write once in so many seconds, up to 300",
    run({ moderation }, rest) {
      const value = rest.trim().toLowerCase() === "off" ? 0 : seconds(rest.trim());
      if (value === null || value > 300) return "For how many seconds, up to 300?";
      moderation.slow(value);
      return true;
    },
  },
  {
    name: "members",
    usage: "/members on or /members off",
    meaning: "let only members write, or everybody",
    run({ moderation }, rest) {
      const value = rest.trim().toLowerCase();
      if (!["on", "off"].includes(value)) return "On or off?";
      moderation.membersOnly(value === "on");
      return true;
    },
  },
  {
    name: "clearchat",
    usage: "/clearchat",
    meaning: "remove everything that was said so far, for everybody",
    run({ moderation }, rest) {
      if (rest.trim()) return "It takes nothing more.";
      moderation.clear();
      return true;
    },
  },
];
