// How large what was built may be.
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

/** Scripts that the one whose name begins with `name` loads before it does anything, itself first; paths below `folder`. */
function loadedFirst(folder, name) {
  const found = new Set();
  const waiting = readdirSync(join(folder, posix.dirname(name)))
    .map((file) => posix.join(posix.dirname(name), file))
    .filter((path) => path.startsWith(name) && path.endsWith(".js"));
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    for (const [, imported = ""] of readFileSync(join(folder, path), "utf8").matchAll(
      /(?:from|import)["'`](\.[^"'`]+)["'`]/g,
    )) {
      waiting.push(posix.join(posix.dirname(path), imported));
    }
  }
  return [...found];
}

/** Of the page that runs models itself. Its shell is what it loads, and keeps for visits without a network, before Make. */
export const pageChecks = (folder) => [
  check(folder, "first load, before Make", "60 kB", ["index.html", "assets/*.{css,js}", "!assets/later-*"]),
  check(folder, "what a few dialogs load", "10 kB", ["assets/later-*.js"]),
  check(folder, "worker of the engine, for the first picture", "110 kB", loadedFirst(folder, "engine/run-worker-")),
  check(folder, "library in the page, with the first picture", "155 kB", loadedFirst(folder, "engine/index-browser-")),
];

/** Of the studio that a server shows. */
export const serverChecks = (folder) => [
  check(folder, "studio of the server", "60 kB", ["assets/*.{css,js}", "!assets/later-*"]),
];

const check = (folder, name, limit, paths) => ({
  ...{ name, limit, gzip: true },
  path: paths.map((path) => (path.startsWith("!") ? `!${join(folder, path.slice(1))}` : join(folder, path))),
});
