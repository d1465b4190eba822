import { BUNDLED } from "virtual:models";
import type { pipeline } from "deepcache";
import type { BrowserSupport } from "deepcache/runtime/web/support.ts";
import { EngineError, type ModelPlace, type OpenEvent, type OwnPlace } from "./engine.ts";
import { isNoRoom, keepsFiles, megabytes, type ServedModel, sizeOf } from "./model-store.ts";
import { filesBelow } from "./own-files.ts";
import { bytesOf, telling } from "./telling.ts";

/** What the library opens. */
export type Source = NonNullable<Parameters<typeof pipeline>[1]>;

/** Where a model is opened from: kept in this browser, beside the page, of the hub, or of the visitor's own. */
export async function* sourceOf(
  model: ModelPlace,
  support: BrowserSupport,
  signal: AbortSignal | undefined,
): AsyncGenerator<OpenEvent, Source> {
  switch (model.kind) {
    case "named":
      return yield* bundled(model.name, signal);
    case "hub":
      return /^https?:/.test(model.id) ? model.id : `hf:${model.id}`;
    default:
      return await ownSource(model, support);
  }
}

/** A model that lies beside the page: kept in this browser, or read from where it lies. */
async function* bundled(name: string, signal: AbortSignal | undefined): AsyncGenerator<OpenEvent, Source> {
  const found = BUNDLED.find((model) => model.name === name);
  if (found === undefined) throw new EngineError(`Cannot open "${name}": choose its file or folder again`);
  const url = new URL(found.url, document.baseURI).href;
  if (!keepsFiles()) return yield* unkept(found, url, "This browser keeps no files for this page");
  try {
    yield { type: "step", says: "Fetching the model" };
    const { keepServedModel } = await import("deepcache/browser");
    return yield* telling(
      async (tell) =>
        (await keepServedModel(
          { ...found, url },
          { ...(signal === undefined ? {} : { signal }), onProgress: (progress) => tell(bytesOf(progress)) },
        )) as Source,
    );
  } catch (error) {
    if (!isNoRoom(error)) throw error;
    return yield* unkept(found, url, `This browser has no room for the ${megabytes(sizeOf(found))} of this model`);
  }
}

function* unkept({ files }: ServedModel, url: string, why: string): Generator<OpenEvent, Source> {
  yield { type: "notice", says: `${why}: the model is not kept, and comes again with the next visit.` };
  return { url, files: files.map(({ path }) => path) } as Source;
}

/** Files of the visitor's own, refused where they are too large for this browser. */
async function ownSource(place: OwnPlace, { largestModel }: BrowserSupport): Promise<Source> {
  const files = place.kind === "files" ? place.files : await filesBelow(place.folder);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (bytes > largestModel) throw tooLarge(bytes, largestModel);
  if (place.kind === "folder") return place.folder as unknown as Source;
  const [first] = files;
  if (files.length === 1 && first !== undefined) return first as Source;
  const config = configOf(place);
  return (config === undefined ? files : files.find((file) => file !== config)) as Source;
}

/** The YAML that describes a single file, where it came along. */
export function configOf(model: ModelPlace): File | undefined {
  if (model.kind !== "files" || model.files.length !== 2) return undefined;
  const [config, ...others] = model.files.filter(({ name }) => /\.ya?ml$/i.test(name));
  return others.length === 0 ? config : undefined;
}

/** Why a model of so many bytes is not opened. */
export const tooLarge = (bytes: number, most: number): EngineError =>
  new EngineError(
    `Cannot open this model here: it has ${(bytes / 1e9).toFixed(1)} GB, and this browser can run ${(most / 1e9).toFixed(1)} GB; ` +
      '"deepcache serve" on this computer can run more',
  );

/** Whether a model may be one file, which carries no vocabulary. */
export const isSingleFile = (model: ModelPlace): boolean =>
  model.kind === "hub" || (model.kind === "files" && model.files.length <= 2);
