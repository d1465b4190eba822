// What pages under test can be asked to do.
import {
  browserSupport,
  type DirectoryHandle,
  handleFiles,
  removeStoredModel,
  storedModels,
} from "../../../../src/browser.ts";
import { pipeline } from "../../../../src/index-browser.ts";
import type { TextToImage } from "../../../../src/library/loaded-model.ts";
import type { TextToImageOptions } from "../../../../src/library/options.ts";
import type { PipelineOptions } from "../../../../src/library/pipeline-options.ts";
import type { PhaseSeconds } from "../../../../src/pipelines/run/events.ts";
import type { PickedFile } from "../../../../src/systems/places/model-place.ts";

/** What became of a run. */
export interface Outcome {
  readonly latents?: readonly number[];
  readonly png?: string;
  readonly error?: string;
  readonly name?: string;
  /** Kinds of events in their order, each once. */
  readonly events: readonly string[];
  readonly warnings?: readonly string[];
  readonly seconds?: PhaseSeconds;
  /** Seconds of each evaluation. */
  readonly evaluations?: readonly number[];
}

interface Request extends TextToImageOptions {
  readonly prompt: string;
}

/** What is done on the way, by the number of the evaluation after which it is. */
interface Incidents {
  readonly abortAfter?: number;
  readonly loseAfter?: number;
  /** Stops when networks are loaded and nothing has been predicted. */
  readonly loadOnly?: boolean;
}

let model: TextToImage | undefined;
interface TestWorker {
  postMessage(message: unknown): void;
  addEventListener(kind: "message", hear: (event: { readonly data: Heap }) => void, options: object): void;
}

interface Heap {
  readonly kind: string;
  readonly bytes: number;
}

const workers: TestWorker[] = [];
const page = globalThis as unknown as {
  Worker: new (url: URL, options: object) => TestWorker;
  document: { querySelector(selector: string): { readonly files: Iterable<PickedFile> } };
  readonly navigator: { readonly storage: { getDirectory(): Promise<DirectoryHandle> } };
  tested: typeof tested;
};
const OwnWorker = page.Worker;
page.Worker = class extends OwnWorker {
  constructor(url: URL, options: object) {
    super(url, options);
    workers.push(this);
  }
};

const outcomeOf = (error: unknown): Outcome => {
  const { name, message, cause } = error as Error;
  return { name, error: cause instanceof Error ? `${message} (${cause.message})` : message, events: [] };
};

const tested = {
  support: browserSupport,
  /** Opens a model by its URL, or the files that were picked; says what goes wrong. */
  async open(place: string | undefined, options: PipelineOptions): Promise<Outcome> {
    try {
      const files = [...page.document.querySelector("#folder").files];
      model = await pipeline("text-to-image", place ?? files, options);
      return { events: [], name: model.model.name };
    } catch (error) {
      return outcomeOf(error);
    }
  },
  /** Opens the picked files without their last bytes. */
  async openTruncated(length: number): Promise<Outcome> {
    const files = [...page.document.querySelector("#folder").files].map((file): PickedFile => {
      const { name, webkitRelativePath = "" } = file;
      const cut = name.endsWith(".safetensors") ? file.slice(0, Math.min(length, file.size)) : file;
      return Object.assign(cut.slice(), { name, webkitRelativePath });
    });
    try {
      model = await pipeline("text-to-image", files, { device: "wasm", thread: "caller" });
      return { events: [] };
    } catch (error) {
      return outcomeOf(error);
    }
  },
  /** Copies the picked files into the page's own file system, and opens them from there. */
  async openStored(options: PipelineOptions): Promise<Outcome> {
    try {
      const root = await page.navigator.storage.getDirectory();
      const files = handleFiles(root);
      for (const file of page.document.querySelector("#folder").files) {
        const { webkitRelativePath = "" } = file;
        await files.write(`models/${webkitRelativePath}`, file.stream() as unknown as AsyncIterable<Uint8Array>);
      }
      await files.write("models/removed", [new Uint8Array(3)]);
      await files.remove("models/removed");
      const names = [...(await files.at("models").list())];
      const models = await root.getDirectoryHandle("models");
      model = await pipeline("text-to-image", await models.getDirectoryHandle("fluent-scenes"), options);
      return { events: names, name: model.model.name };
    } catch (error) {
      return outcomeOf(error);
    }
  },
  async run(
    { prompt, ...options }: Request,
    { abortAfter, loseAfter, loadOnly = false }: Incidents = {},
  ): Promise<Outcome> {
    const events: string[] = [];
    try {
      if (model === undefined) throw new Error("No model has been opened");
      const run = model(prompt, options);
      const evaluations: number[] = [];
      for await (const event of run) {
        if (events.at(-1) !== event.type) events.push(event.type);
        if (loadOnly && event.type === "phase" && event.phase === "denoise") run.abort();
        if (event.type !== "evaluation") continue;
        evaluations.push(event.seconds);
        if (evaluations.length === abortAfter) run.abort();
        if (evaluations.length === loseAfter) workers.at(-1)?.postMessage({ kind: "lose" });
      }
      const { latents, image, warnings, seconds } = await run;
      return { latents: [...latents.data], png: image.dataURL(), events, warnings, seconds, evaluations };
    } catch (error) {
      return { ...outcomeOf(error), events };
    }
  },
  stored: storedModels,
  removeStored: removeStoredModel,
  /** Bytes of WebAssembly's memory in the worker that was started last. */
  async heap(): Promise<number> {
    const worker = workers.at(-1);
    if (worker === undefined) return 0;
    const told = new Promise<number>((resolve) => {
      const ended = new AbortController();
      const hear = ({ data }: { readonly data: Heap }): void => {
        if (data.kind !== "heap") return;
        ended.abort();
        resolve(data.bytes);
      };
      worker.addEventListener("message", hear, { signal: ended.signal });
    });
    worker.postMessage({ kind: "heap" });
    return await told;
  },
  dispose: () => model?.dispose(),
};

page.tested = tested;

/** What a test asks of the page. */
export type Tested = typeof tested;
