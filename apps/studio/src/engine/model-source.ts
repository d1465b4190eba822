import { BUNDLED } from "virtual:models";
import type { pipeline } from "deepcache";
import type { BrowserSupport } from "deepcache/runtime/web/support.ts";
import { EngineError, type ModelPlace, type OpenEvent, type OwnPlace } from "./engine.ts";
import { keepModel, NoRoomError } from "./model-store.ts";
import { filesBelow } from "./own-files.ts";

/** What the library opens. */
export type Source = NonNullable<Parameters<typeof pipeline>[1]>;

/** Where a model is opened from: kept in this browser, beside the page, or of the visitor's own. */
export async function* sourceOf(
  model: ModelPlace,
  support: BrowserSupport,
  signal: AbortSignal | undefined,
): AsyncGenerator<OpenEvent, Source> {
  return model.kind === "named" ? yield* bundled(model.name, signal) : await ownSource(model, support);
}

/** A model that lies beside the page: kept in this browser, or read from where it lies. */
async function* bundled(name: string, signal: AbortSignal | undefined): AsyncGenerator<OpenEvent, Source> {
  const found = BUNDLED.find((model) => model.name === name);
  if (found === undefined) throw new EngineError(`Cannot open "${name}": choose its file or folder again`);
  const url = new URL(found.url, document.baseURI).href;
  try {
    const keeping = keepModel({ ...found, url }, { signal });
    let wasBroken = false;
    while (true) {
      const { done, value } = await keeping.next();
      if (done) return value as unknown as Source;
      const { isBroken = false, ...bytes } = value;
      if (isBroken !== wasBroken) {
        yield { type: "step", says: isBroken ? "The connection broke; trying again" : "Fetching the model" };
        wasBroken = isBroken;
      }
      yield { type: "bytes", ...bytes };
    }
  } catch (error) {
    const isFull = (error as Error).name === "QuotaExceededError";
    if (!isFull && !(error instanceof NoRoomError)) throw error;
    const why = isFull ? "This browser has no more room for the page" : (error as Error).message;
    yield { type: "notice", says: `${why}: the model is not kept, and comes again with the next visit.` };
    return { url, files: found.files.map(({ path }: { readonly path: string }) => path) } as Source;
  }
}

/** Files of the visitor's own, refused where they are too large for this browser. */
async function ownSource(place: OwnPlace, { largestModel }: BrowserSupport): Promise<Source> {
  const files = place.kind === "files" ? place.files : await filesBelow(place.folder);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (bytes > largestModel) {
    throw new EngineError(
      `Cannot open this model here: it has ${(bytes / 1e9).toFixed(1)} GB, and this browser can run ${(largestModel / 1e9).toFixed(1)} GB; ` +
        '"deepcache serve" on this computer can run more',
    );
  }
  if (place.kind === "folder") return place.folder as unknown as Source;
  const [first] = files;
  if (files.length === 1 && first !== undefined) return first as Source;
  const yaml = files.find(({ name }) => /\.ya?ml$/i.test(name));
  const weights = files.find((file) => file !== yaml);
  return (files.length === 2 && yaml !== undefined && weights !== undefined ? weights : files) as Source;
}

/** Whether a model is one file, which carries no vocabulary. */
export const isSingleFile = (model: ModelPlace): boolean => model.kind === "files" && model.files.length <= 2;
