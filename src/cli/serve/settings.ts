import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { ModelSource, ServedModel } from "../../server/models/models.ts";
import type { ObjectStore } from "../../server/objects/object-store.ts";
import { isFolderStore, openObjects } from "../../server/objects/open-objects.ts";
import type { ServerOptions, Sources } from "../../server/options.ts";
import { type Places, partPlaces } from "../../systems/from-hub/places.ts";
import { modelName } from "../../systems/model-location.ts";
import { resolveWeights } from "../../systems/resolve-model.ts";
import { defaultModelFolder } from "../../systems/shipped.ts";
import { UsageError } from "../flags/usage.ts";
import type { Settled } from "../settle-precision.ts";
import { cacheFolder } from "../terminal/cache-folder.ts";
import { machineMemory } from "../terminal/memory-warning.ts";
import { checkFolderWritable } from "../terminal/output-files.ts";
import type { ServedModelFlags, ServeFlags } from "./flags.ts";
import { type ListedModel, readModelsFile } from "./models-file.ts";
import { studioPages } from "./studio.ts";

/** The models of the flags by their names, downloaded if need be; the embedded one where none is given. */
export async function servedModels(
  flags: Settled<ServedModelFlags>,
  places: Places,
): Promise<Exclude<Sources, ServedModel>> {
  const { device, threads, lowMemory, convolutions, precision, vae, tinyVae, refiner, controlnet } = flags;
  const { config, variant, tokenizer, ema } = flags;
  const options = {
    device,
    threads,
    convolutions,
    ...(precision === undefined ? {} : { precision, cacheFolder: cacheFolder() }),
    memory: lowMemory === true ? "low" : "fast",
  } as const;
  const parts = { vae, tinyVae, refiner, controlnet, config, variant, tokenizer, ema };
  const sources: Record<string, ModelSource> = {};
  for (const [name, model] of listedModels(flags)) {
    if (Object.hasOwn(sources, name)) {
      throw new UsageError(`Cannot serve two models as "${name}": give one of them another name, --model NAME=PATH`);
    }
    const opened = { ...parts, ...model };
    const place = await resolveWeights(model.path, places, { variant: opened.variant });
    await partPlaces(opened, places); // the first request should not wait for them
    sources[name] = { ...options, ...opened, path: typeof place === "string" ? place : model.path };
  }
  return sources;
}

function listedModels({
  model,
  models,
}: Pick<ServedModelFlags, "model" | "models">): readonly (readonly [string, ListedModel])[] {
  const given = model ?? (models === undefined ? [defaultModelFolder()] : []);
  const named = given.map((text) => {
    const [, name = modelName(text), path = text] = /^([\w.-]+)=(.+)$/.exec(text) ?? [];
    return [name, { path }] as const;
  });
  return [...named, ...(models === undefined ? [] : readModelsFile(models))];
}

/** The store that --store names; a folder that could not be written to is refused. */
export const storeAt = async (store: string | undefined): Promise<ObjectStore | undefined> => {
  if (store === undefined) return undefined;
  if (isFolderStore(store)) await checkFolderWritable(store);
  try {
    return await openObjects(store, process.env);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
};

const LOOPBACK = ["127.0.0.1", "localhost", "::1"];

/** How the flags set up a server. */
export async function serverOptions(flags: ServeFlags): Promise<ServerOptions> {
  const {
    apiKey,
    host,
    cors,
    maxQueue,
    rate,
    outputDir,
    memory,
    maxPixels,
    maxSteps,
    maxImages,
    loraDir,
    embeddingDir,
  } = flags;
  const ofEnvironment = process.env["DEEPCACHE_API_KEY"];
  const keys = apiKey === false ? [] : [...(apiKey ?? []), ...(ofEnvironment ? [ofEnvironment] : [])];
  const isLocal = LOOPBACK.includes(host);
  if (keys.some((key) => key.trim() === "")) throw new UsageError("Cannot use an empty --api-key");
  if (keys.length === 0 && apiKey !== false && !isLocal) {
    throw new UsageError(
      `Cannot listen on --host ${host} without a key: others reach this server; give --api-key KEY, or --no-api-key to let everybody ask`,
    );
  }
  for (const origin of cors ?? []) checkOrigin(origin);
  if (outputDir !== undefined) await checkFolderWritable(outputDir);
  const waitingBytes = flags.maxWaiting === undefined ? undefined : flags.maxWaiting * 2 ** 20;
  const limits = { pixels: maxPixels, steps: maxSteps, pictures: maxImages, waitingBytes };
  return {
    ...{ apiKey: keys, cors, maxQueue, rate, outputDir, logPrompts: flags.logPrompts },
    // Without a key, the name of a page's host that leads here must not open it to that page.
    hosts: isLocal && keys.length === 0 ? [...LOOPBACK, "[::1]"] : undefined,
    ...{
      memory: modelMemory(memory),
      redis: flags.redis,
      store: await storeAt(flags.store),
      pages: await studioPages(),
    },
    limits: Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)),
    loras: loraDir === undefined ? {} : await filesIn("--lora-dir", loraDir, /\.safetensors$/),
    embeddings:
      embeddingDir === undefined ? {} : await filesIn("--embedding-dir", embeddingDir, /\.(safetensors|pt|bin)$/),
  };
}

/** Bytes for models. */
export const modelMemory = (mebibytes: number | undefined): number =>
  mebibytes === undefined ? machineMemory().total * 0.8 : mebibytes * 2 ** 20;

function checkOrigin(origin: string): void {
  if (origin === "*" || (URL.canParse(origin) && new URL(origin).origin === origin)) return;
  throw new UsageError(`Cannot use --cors ${origin}: an origin such as https://example.com is required, or *`);
}

/** The files of a folder by their names without endings. */
async function filesIn(flag: string, folder: string, ending: RegExp): Promise<Readonly<Record<string, string>>> {
  const files = await readdir(folder).catch((cause: unknown) => {
    throw new UsageError(`Cannot read ${flag} "${folder}"`, { cause });
  });
  return Object.fromEntries(
    files.filter((file) => ending.test(file)).map((file) => [modelName(file), resolve(folder, file)]),
  );
}
