import type { ServerContext } from "../context.ts";
import { type App, addRoute } from "../route.ts";
import { LATENT_UPSCALERS, PICTURE_UPSCALERS } from "../work/hires.ts";
import { A1111_SAMPLERS, A1111_SCHEDULERS } from "./samplers.ts";

const tags = ["AUTOMATIC1111"];

/** Adds the lists that clients fill their menus from; what is not there is an empty list. */
export function addLists(app: App, { models, loras, embeddings }: ServerContext): void {
  const lists: Readonly<Record<string, () => unknown>> = {
    "sd-models": () => models.names.map(modelRow),
    samplers: () => Object.entries(A1111_SAMPLERS).map(([name, { aliases }]) => ({ name, aliases, options: {} })),
    schedulers: () =>
      Object.entries(A1111_SCHEDULERS).map(([name, label]) => ({
        ...{ name, label, aliases: null, default_rho: -1, need_inner_model: false },
      })),
    upscalers: () => Object.keys(PICTURE_UPSCALERS).map(upscalerRow),
    "latent-upscale-modes": () => Object.keys(LATENT_UPSCALERS).map((name) => ({ name })),
    loras: () => Object.keys(loras).map((name) => ({ name, alias: name, path: name, metadata: {} })),
    embeddings: () => ({ loaded: Object.fromEntries(Object.keys(embeddings).map((name) => [name, {}])), skipped: {} }),
    "sd-vae": () => [],
    hypernetworks: () => [],
    "face-restorers": () => [],
    "prompt-styles": () => [],
    scripts: () => ({ txt2img: ["deepcache"], img2img: ["deepcache"] }),
    memory: () => memory(),
    "cmd-flags": () => ({ api: true, nowebui: true }),
  };
  for (const [name, list] of Object.entries(lists)) {
    addRoute(
      app,
      { method: "get", path: `/sdapi/v1/${name}`, tags, summary: `The list "${name}"`, gives: "What there is" },
      (c) => c.json(list()),
    );
  }
  for (const name of ["refresh-checkpoints", "refresh-loras", "unload-checkpoint", "reload-checkpoint"]) {
    const summary = "Nothing to do here: clients call it all the same";
    addRoute(app, { method: "post", path: `/sdapi/v1/${name}`, tags, summary, gives: "Nothing" }, (c) => c.json({}));
  }
  addRoute(
    app,
    { method: "get", path: "/internal/ping", tags, summary: "Whether the server is there", gives: "Nothing" },
    (c) => c.json({}),
  );
  addRoute(
    app,
    { method: "get", path: "/queue/status", tags, summary: "Whether the web UI is there", gives: "Nothing" },
    (c) => c.json({ msg: "estimation", rank: null, queue_size: 0 }),
  );
}

const modelRow = (name: string): object => ({
  ...{ title: name, model_name: name, filename: name },
  ...{ hash: null, sha256: null, config: null },
});

const upscalerRow = (name: string): object => ({ name, model_name: null, model_path: null, model_url: null, scale: 4 });

/** In bytes; a runtime that does not tell has zeros. */
function memory(): object {
  const { rss: used = 0, heapTotal: total = 0 } = globalThis.process?.memoryUsage?.() ?? {};
  return { ram: { free: 0, used, total: Math.max(used, total) }, cuda: {} };
}
