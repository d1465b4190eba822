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

/** What runs models comes at the first run: the library as it is built, ONNX Runtime, and what they take. */
const ENGINE = [
  "dist",
  ...["onnxruntime-web", "yaml", "@huggingface", "@noble"].map((name) => `node_modules/${name}`),
].map((folder) => at(`../../${folder}/`));
const isOfEngine = (ids: readonly string[]): boolean =>
  ids.some((id) => ENGINE.some((folder) => id.startsWith(folder)));

/** Engine and page lie in folders of their own; what most visits do without is told by its name. */
const named = (ids: readonly string[]): string => {
  if (isOfEngine(ids)) return "engine/[name]-[hash].js";
  return /hub-dialog|fflate/.test(ids.join()) ? "assets/later-[name]-[hash].js" : "assets/[name]-[hash].js";
};

const assetFileNames = ({ names }: { readonly names: readonly string[] }): string =>
  names.some((name) => name.endsWith(".wasm")) ? "engine/[name]-[hash][extname]" : "assets/[name]-[hash][extname]";
const ENGINE_NAMES = { chunkFileNames: "engine/[name]-[hash].js", assetFileNames };
const PAGE_NAMES = {
  chunkFileNames: ({ moduleIds }: { readonly moduleIds: readonly string[] }) => named(moduleIds),
  assetFileNames,
};

/** Lists the library's scripts, which the page keeps once it has run something; of ONNX Runtime's, one is enough. */
const engineFiles: Plugin = {
  name: "engine-files",
  generateBundle(_, bundle) {
    const files = Object.keys(bundle).filter((path) => /^(engine\/(?!ort\.)|assets\/later-).*\.js$/.test(path));
    this.emitFile({ type: "asset", fileName: "engine/files.json", source: JSON.stringify(files) });
  },
};

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
    globIgnores: ["models/**", "clip-tokenizer/**", "engine/**", "assets/later-*"],
    runtimeCaching: [
      {
        urlPattern: /\/(engine|assets)\/[^/]+\.(js|wasm)$/,
        handler: "CacheFirst",
        options: { cacheName: "engine", expiration: { maxEntries: 100 } },
      },
    ],
    clientsClaim: true,
    skipWaiting: true,
  },
});

/** The hub that models are opened from by their ids, and the origins that its files come from: STUDIO_HUB says others. */
const [hub = "", ...storage] = (
  process.env["STUDIO_HUB"] ?? "https://huggingface.co https://*.huggingface.co https://*.hf.co"
).split(" ");

/** The page may reach its own host; where it runs models itself, the hub as well. */
const reachable = (isServed: boolean): Plugin => ({
  name: "reachable",
  transformIndexHtml: (html) =>
    html.replace("connect-src 'self' blob:", `$& ${isServed ? "" : [hub, ...storage].join(" ")}`.trim()),
});

const MODEL = "fluent-scenes";
const modelFolder = at(`../../models/${MODEL}`);

/** The files of the embedded model that runs read. */
function modelFiles(): readonly { readonly path: string; readonly size: number; readonly sha256: string }[] {
  return readdirSync(modelFolder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/recipe|\.png$|\.md$/.test(relative(modelFolder, path)))
    .map((path) => ({
      path: relative(modelFolder, path).replaceAll(sep, "/"),
      size: statSync(path).size,
      sha256: createHash("sha256").update(readFileSync(path)).digest("hex"),
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
  plugins: [
    published,
    reachable(mode === "server"),
    models(mode === "server"),
    ...(mode === "server" ? [] : [engineFiles, offline]),
  ],
  resolve: {
    alias: [
      // The library as it is built, with the file that its worker starts from: npm run build.
      { find: /^deepcache$/, replacement: at("../../dist/index-browser.js") },
      { find: /^deepcache\/browser$/, replacement: at("../../dist/browser.js") },
      // Single files of it.
      { find: /^deepcache\/(.+)$/, replacement: `${at("../../src")}/$1` },
    ],
  },
  worker: { format: "es", rolldownOptions: { output: { ...ENGINE_NAMES, entryFileNames: "engine/[name]-[hash].js" } } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    outDir: mode === "server" ? "../../dist/studio" : "dist",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    rolldownOptions: { output: PAGE_NAMES },
  },
  define: { __SERVED__: JSON.stringify(mode === "server"), __HUB__: JSON.stringify(hub) },
}));
