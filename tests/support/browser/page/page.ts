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
import { graphBuilder } from "../../../../src/onnx/graph.ts";
import { add, multiply } from "../../../../src/onnx/ops.ts";
import type { PhaseSeconds } from "../../../../src/pipelines/run/events.ts";
import { webRuntime } from "../../../../src/runtime/web/web.ts";
import type { PickedFile } from "../../../../src/systems/places/model-place.ts";
import { bindings, gpuBytesKept } from "./heap.ts";

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

/** What is done on the way, by the number of the evaluation after which it is; after 0, in the first one. */
interface Incidents {
  readonly abortAfter?: number;
  readonly loseAfter?: number;
  /** An error that nobody catches, in the worker. */
  readonly failAfter?: number;
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
  readonly gpu: number;
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

/** Elements of a large tensor. */
const MANY = 2 ** 18;

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
    { abortAfter, loseAfter, failAfter, loadOnly = false }: Incidents = {},
  ): Promise<Outcome> {
    const events: string[] = [];
    let isLost = false;
    try {
      if (model === undefined) throw new Error("No model has been opened");
      const run = model(prompt, options);
      const evaluations: number[] = [];
      for await (const event of run) {
        if (events.at(-1) !== event.type) events.push(event.type);
        const isLoaded = event.type === "phase" && event.phase === "denoise";
        if (loadOnly && isLoaded) run.abort();
        if (event.type === "evaluation") evaluations.push(event.seconds);
        else if (!isLoaded) continue;
        if (evaluations.length === abortAfter) run.abort();
        if (evaluations.length === failAfter) workers.at(-1)?.postMessage({ kind: "fail" });
        if (evaluations.length === loseAfter && !isLost) workers.at(-1)?.postMessage({ kind: "lose" });
        isLost ||= evaluations.length === loseAfter;
      }
      const { latents, image, warnings, seconds } = await run;
      return { latents: [...latents.data], png: image.dataURL(), events, warnings, seconds, evaluations };
    } catch (error) {
      return { ...outcomeOf(error), events };
    }
  },
  /** Runs y = (x + x)² and twice = x + x on the GPU for each of `inputs`; says how often buffers were bound for each. */
  async repeat(repeated: boolean, inputs: readonly number[]): Promise<readonly (readonly number[])[]> {
    const builder = graphBuilder("repeated");
    const x = builder.input("x", "F32", [1]);
    const twice = add(x, x);
    const graph = builder.finish({ y: multiply(twice, twice), twice });
    const runtime = await webRuntime({ device: "webgpu" });
    await using session = await runtime.load(graph, { repeated, keep: ["twice"] });
    const rows: (readonly number[])[] = [];
    const kept: ({ download(): Promise<{ readonly data: Float32Array }> } & Disposable)[] = [];
    for (const value of inputs) {
      const before = bindings();
      const results = await session.run({ x: { data: Float32Array.of(value), shape: [1] } });
      const again = await session.run({ x: results["twice"] as never }); // from the GPU to the GPU
      const [y, fed] = await Promise.all([results["y"]?.download(), again["y"]?.download()]);
      kept.push(results["twice"] as never);
      rows.push([y?.data[0] ?? 0, fed?.data[0] ?? 0, bindings() - before]);
    }
    const stayed = await Promise.all(kept.map((tensor) => tensor.download()));
    for (const tensor of kept) tensor[Symbol.dispose]();
    return rows.map((row, i) => [...row, stayed[i]?.data[0] ?? 0]);
  },
  /** What sessions that run, are stopped and are released leave in the GPU's memory, one after the other, in bytes. */
  async leftOnGpu(repeated: boolean, times: number): Promise<readonly number[]> {
    const builder = graphBuilder("large");
    const x = builder.input("x", "F32", [MANY]);
    const graph = builder.finish({ y: add(x, x) });
    const runtime = await webRuntime({ device: "webgpu" });
    const given = { x: { data: new Float32Array(MANY), shape: [MANY] } };
    const left: number[] = [];
    for (let time = 0; time < times; time++) {
      const session = await runtime.load(graph, { repeated, keep: ["y"] });
      const ended = new AbortController();
      const stopped = session.run(given, { signal: ended.signal }).catch(() => {});
      ended.abort();
      await stopped;
      const [read, unread] = [await session.run(given), await session.run(given)];
      await read["y"]?.download();
      for (const { y } of [read, unread]) y?.[Symbol.dispose]();
      await session[Symbol.asyncDispose]();
      left.push(await gpuBytesKept());
    }
    return left;
  },
  stored: storedModels,
  removeStored: removeStoredModel,
  /** Bytes of WebAssembly's memory, and of the GPU's, in the worker that was started last. */
  async heap(): Promise<Pick<Heap, "bytes" | "gpu">> {
    const worker = workers.at(-1);
    if (worker === undefined) return { bytes: 0, gpu: 0 };
    const told = new Promise<Heap>((resolve) => {
      const ended = new AbortController();
      const hear = ({ data }: { readonly data: Heap }): void => {
        if (data.kind !== "heap") return;
        ended.abort();
        resolve(data);
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
