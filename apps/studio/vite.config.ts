import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const read = (path: string) => JSON.parse(readFileSync(at(path), "utf8"));

/** What the repository's own evaluation of the embedded model found: time relative to the original's, and PSNR. */
function publishedCurve(): object {
  const { policies } = read("../../evaluations/fluent-scenes/summary.json");
  const times: Record<string, number> = Object.fromEntries(
    read("../../evaluations/fluent-scenes/times.json").policies.map(
      ({ name, secondsPerImage }: { name: string; secondsPerImage: number }) => [name, secondsPerImage],
    ),
  );
  const original = times["off"] ?? Number.NaN;
  return policies.flatMap(({ name, measures }: { name: string; measures: { psnr?: { mean: number } } }) =>
    measures.psnr === undefined || times[name] === undefined
      ? []
      : [{ name, share: Number((times[name] / original).toFixed(4)), psnr: Number(measures.psnr.mean.toFixed(2)) }],
  );
}

const published: Plugin = {
  name: "published-curve",
  resolveId: (id) => (id === "virtual:published" ? "\0published" : undefined),
  load: (id) => (id === "\0published" ? `export const PUBLISHED = ${JSON.stringify(publishedCurve())};` : undefined),
};

/**
 * `vite build --mode server` makes what `deepcache serve` shows: the server runs the models. Otherwise the page runs them itself
 * and any host can serve it.
 */
export default defineConfig(({ mode }) => ({
  root: at("."),
  base: "./",
  plugins: [published],
  // Files of the library by their paths below src.
  resolve: { alias: [{ find: /^deepcache\/(.+)$/, replacement: `${at("../../src")}/$1` }] },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    outDir: mode === "server" ? "../../dist/studio" : "dist",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  define: { __SERVED__: JSON.stringify(mode === "server") },
}));
