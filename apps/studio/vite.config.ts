import { createHash } from "node:crypto";
import { cpSync, createReadStream, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { VitePWA } from "vite-plugin-pwa";

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

/** What the engine is made of comes at the first run, and is kept then. */
const ENGINE = ["index-browser", "run-worker", "ort"];

/** The page without a network: its shell is kept at once, the engine when it has been used. Models are kept by the page itself. */
const offline = VitePWA({
  registerType: "autoUpdate",
  injectRegister: false,
  manifest: {
    name: "deepcache studio",
    short_name: "deepcache",
    description: "Original and accelerated side by side, live, on your own machine",
    display: "standalone",
    background_color: "#17181a",
    theme_color: "#17181a",
    icons: [{ src: "icon.svg", sizes: "any", type: "image/svg+xml" }],
  },
  workbox: {
    globPatterns: ["**/*.{html,js,css,png,svg,webmanifest}"],
    globIgnores: ["models/**", "clip-tokenizer/**", ...ENGINE.map((name) => `**/${name}*`)],
    runtimeCaching: [
      {
        urlPattern: /\/assets\/[^/]+\.(js|wasm)$/,
        handler: "CacheFirst",
        options: { cacheName: "engine", expiration: { maxEntries: 24 } },
      },
    ],
    clientsClaim: true,
    skipWaiting: true,
  },
});

const MODEL = "fluent-scenes";
const modelFolder = at(`../../models/${MODEL}`);

/** The files of the embedded model that runs read. */
function modelFiles(): readonly { readonly path: string; readonly bytes: number; readonly hash: string }[] {
  return readdirSync(modelFolder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/recipe|\.png$|\.md$/.test(relative(modelFolder, path)))
    .map((path) => ({
      path: relative(modelFolder, path).replaceAll(sep, "/"),
      bytes: statSync(path).size,
      hash: createHash("sha256").update(readFileSync(path)).digest("hex"),
    }));
}

/** Lays the embedded model and CLIP's vocabulary beside the page, and tells it what there is. */
const models = (isServed: boolean): Plugin => ({
  name: "models",
  resolveId: (id) => (id === "virtual:models" ? "\0models" : undefined),
  load(id) {
    if (id !== "\0models") return undefined;
    const bundled = isServed ? [] : [{ name: MODEL, url: `./models/${MODEL}/`, files: modelFiles() }];
    return `export const BUNDLED = ${JSON.stringify(bundled)};`;
  },
  configureServer(server) {
    server.middlewares.use((request, response, next) => {
      const path = decodeURIComponent((request.url ?? "").split("?")[0] ?? "");
      const file = path.startsWith(`/models/${MODEL}/`) && !path.includes("..") ? at(`../..${path}`) : "";
      if (file === "" || !existsSync(file)) return next();
      response.setHeader("Content-Length", statSync(file).size);
      createReadStream(file).pipe(response);
    });
  },
  writeBundle({ dir = "" }) {
    if (isServed) return;
    for (const { path } of modelFiles()) cpSync(join(modelFolder, path), join(dir, "models", MODEL, path));
    cpSync(at("../../models/clip-tokenizer"), join(dir, "clip-tokenizer"), { recursive: true });
  },
});

/**
 * `vite build --mode server` makes what `deepcache serve` shows: the server runs the models. Otherwise the page runs them itself
 * and any host can serve it.
 */
export default defineConfig(({ mode }) => ({
  root: at("."),
  base: "./",
  plugins: [published, models(mode === "server"), ...(mode === "server" ? [] : [offline])],
  resolve: {
    alias: [
      // The library as it is built, with the file that its worker starts from: npm run build.
      { find: /^deepcache$/, replacement: at("../../dist/index-browser.js") },
      { find: /^deepcache\/browser$/, replacement: at("../../dist/browser.js") },
      // Single files of it.
      { find: /^deepcache\/(.+)$/, replacement: `${at("../../src")}/$1` },
    ],
  },
  worker: { format: "es" },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    outDir: mode === "server" ? "../../dist/studio" : "dist",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
  },
  define: { __SERVED__: JSON.stringify(mode === "server") },
}));
