// Makes what browsers load from what is written: the list of emoji, and the scripts of the pages in as few files as a
// first visit deserves. Run by make. Where a script has changed since, the app serves them one by one, as written.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const STATIC = fileURLToPath(new URL("../static/", import.meta.url));
const PACKAGES = fileURLToPath(new URL("node_modules/", import.meta.url));
const ENTRIES = ["page.js", "chat/channel.js", "admin/review.js", "admin/progress.js"];
const COMPONENTS = 2; // emojibase's group of skin tones and hair, which are no emoji of their own
const NEWEST = 15.1; // of Unicode: what came later is an empty box on too many screens
const AS_PICTURE = "\u{fe0f}"; // asked for where a sign is a letter by default, such as ☺

const read = (path) => JSON.parse(readFileSync(`${PACKAGES}emojibase-data/en/${path}`, "utf8"));

/** [[group, [[emoji, "smile", "grinning face with smiling eyes"], …]], …] in the order people know from their phones. */
function emoji() {
  const codes = read("shortcodes/github.json");
  const others = read("shortcodes/emojibase.json");
  const groups = new Map(read("messages.json").groups.map(({ order, message }) => [order, [message, []]]));
  const known = read("data.json").filter(({ group, version }) => {
    return group !== undefined && group !== COMPONENTS && version <= NEWEST;
  });
  for (const { group, hexcode, label } of known.sort((one, other) => one.order - other.order)) {
    const sign = String.fromCodePoint(...hexcode.split("-").map((code) => parseInt(code, 16)));
    const text = /^(?!\p{Emoji_Presentation}).$/u.test(sign) ? sign + AS_PICTURE : sign;
    const names = [codes[hexcode] ?? others[hexcode] ?? []].flat();
    if (names.length > 0) groups.get(group)[1].push([text, names.join(" "), label]);
  }
  return [...groups.values()].filter(([, members]) => members.length > 0);
}

/** One checksum of every script as written: with another one, the bundle is not of these. */
function checksum() {
  const sum = createHash("sha256");
  const paths = readdirSync(`${STATIC}js`, { recursive: true }).map((path) => path.replaceAll("\\", "/"));
  for (const path of paths.filter((each) => each.endsWith(".js")).sort()) {
    sum.update(`${path}\0`).update(readFileSync(`${STATIC}js/${path}`)).update("\0");
  }
  return sum.digest("hex");
}

async function bundle() {
  rmSync(`${STATIC}vendor/bundle`, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: ENTRIES.map((entry) => `${STATIC}js/${entry}`),
    outdir: `${STATIC}vendor/bundle`,
    absWorkingDir: STATIC,
    bundle: true,
    splitting: true, // what both pages need, and what is loaded on first use, are files of their own
    format: "esm",
    target: "es2022",
    minify: true,
    charset: "utf8",
    entryNames: "[name]-[hash]",
    chunkNames: "part-[hash]",
    metafile: true,
    logLevel: "warning",
  });
  const made = Object.entries(metafile.outputs).filter(([, { entryPoint }]) => entryPoint);
  return Object.fromEntries(made.map(([path, { entryPoint }]) => [entryPoint.replace(/^js\//, ""), path]));
}

mkdirSync(`${STATIC}vendor`, { recursive: true });
writeFileSync(`${STATIC}vendor/emoji.js`, `export default ${JSON.stringify(emoji())};\n`);
const entries = await bundle();
writeFileSync(`${STATIC}vendor/bundle.json`, JSON.stringify({ checksum: checksum(), entries }));
