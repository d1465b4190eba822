import type { Fetched, KnownFile } from "../../checkpoint/bytes/byte-sources/served.ts";
import { CheckpointError } from "../../checkpoint/errors.ts";
import { type DirectoryHandle, handleFiles } from "../../checkpoint/files/handles.ts";
import { memoryFiles } from "../../checkpoint/files/memory.ts";
import type { Files } from "../../checkpoint/files.ts";
import { checkedRuns } from "../../pipelines/checked-runs.ts";
import type { Busy } from "../../pipelines/run/queue.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { WebRuntimeOptions } from "../../runtime/web/web.ts";
import { openModel } from "../../systems/open-model.ts";
import { type ModelPlaces, type OpenedPlaces, openedPlaces } from "../../systems/places/model-place.ts";
import { openedWebPlace, type WebPlaceOptions } from "../../systems/places/web-place.ts";
import type { HostedRuns } from "../host.ts";

/** A model as a browser's thread is told to open it. */
export interface WebModelOrder {
  readonly places: ModelPlaces;
  /** Where copies are kept of what cannot be used in place. */
  readonly cacheFolder: DirectoryHandle | undefined;
  readonly variant: string | undefined;
  readonly ema: boolean | undefined;
  readonly name: string;
  readonly runtime: WebRuntimeOptions;
  readonly keepLoaded: boolean;
  readonly busy: Busy | undefined;
  /** What relative URLs are relative to. */
  readonly base: string;
  /** What has been read of files on servers. */
  readonly known: Map<string, KnownFile | undefined>;
}

/** The places of a model, opened in a browser. */
const openedWebPlaces = (places: ModelPlaces, options: WebPlaceOptions): Promise<OpenedPlaces> =>
  openedPlaces(places, { open: (place) => openedWebPlace(place, options), tokenizer: () => NO_TOKENIZER });

/** Single files carry no vocabulary, and a page has none beside it. */
export const NO_TOKENIZER: Files = {
  ...memoryFiles({}, "tokenizer"),
  async list() {
    throw new CheckpointError(
      "Cannot read prompts for a single file, which carries no vocabulary: serve the folder models/clip-tokenizer of this " +
        'package and give its URL as "tokenizer"',
      { code: "MODEL_NOT_FOUND" },
    );
  },
};

/** Opens the model in the thread that it is ordered for. */
export async function openWebOrdered(
  { places, cacheFolder, variant, ema, name, runtime, keepLoaded, busy, base, known }: WebModelOrder,
  makeRuntime: (options: WebRuntimeOptions) => Promise<Runtime>,
  onFetched: (fetched: Fetched) => void,
): Promise<HostedRuns> {
  const location = await openedWebPlaces(places, { base, variant, known, onFetched });
  const opened = await openModel({ ...location, variant, ema, cacheFolder: cacheFolder && handleFiles(cacheFolder) });
  const effects = { runtime: await makeRuntime(runtime), keepLoaded, queue: { busy } };
  return checkedRuns(opened, name, effects).runs;
}
