import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";

const src = fileURLToPath(new URL("../../../src", import.meta.url));

/** What stands in for what in browsers: package.json says so of dist, which is built from src. */
const { browser } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));

const inSrc = (path: string): string => resolve(src, path.replace("./dist/", "").replace(/\.js$/, ".ts"));

/** Files of src by what stands in for them. */
export const STAND_INS: ReadonlyMap<string, string> = new Map(
  Object.entries<string>(browser).map(([from, to]) => [inSrc(from), inSrc(to)]),
);

/** Bundles src as bundlers for browsers do dist. */
export const standIns: Plugin = {
  name: "stand-ins",
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const standIn = STAND_INS.get(resolve(resolveDir, path));
      return standIn === undefined ? {} : { path: standIn };
    });
  },
};
