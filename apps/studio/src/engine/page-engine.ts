import { BUNDLED } from "virtual:models";
import type { pipeline as openPipeline } from "deepcache";
import type { TextToImage } from "deepcache/library/loaded-model.ts";
import type { ImageEvent } from "deepcache/library/results.ts";
import { inbox } from "deepcache/remote/inbox.ts";
import { type BrowserSupport, browserSupport } from "deepcache/runtime/web/support.ts";
import {
  type Doctor,
  type Engine,
  EngineError,
  type Job,
  type ModelPlace,
  type OpenEvent,
  type Place,
  type RunEvent,
} from "./engine.ts";
import { keepModel, NoRoomError, type ServedModel, sizeOf } from "./model-store.ts";

type Source = NonNullable<Parameters<typeof openPipeline>[1]>;

/** Bytes of ONNX Runtime's program, as browsers get it. */
const PROGRAM = 4.1e6;

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

/** Models in this page: in a worker of its own, on the GPU where WebGPU has one. */
export async function pageEngine(): Promise<Engine> {
  // For tests, a GPU in software counts.
  const software = new URLSearchParams(location.search).has("software");
  const support = await browserSupport({ software });
  const device = support.webgpu ? "webgpu" : "wasm";
  let opened: { readonly pipe: TextToImage; readonly name: string } | undefined;
  /** How the model's files come in, where they are not kept. */
  let onBytes: (event: OpenEvent & { readonly type: "bytes" }) => void = () => {};

  const release = async (): Promise<void> => {
    const { pipe } = opened ?? {};
    opened = undefined;
    await pipe?.dispose();
  };

  async function* open(model: ModelPlace, signal?: AbortSignal): AsyncGenerator<OpenEvent> {
    await release();
    const source = model.kind === "files" ? sourceOf(model.files, support) : yield* bundled(model.name, signal);
    yield { type: "step", says: "Reading the model" };
    await isControlled();
    const { pipeline } = await import("deepcache"); // most of the program, which a visit that makes nothing does without
    const pipe = await pipeline("text-to-image", source, {
      device: device === "wasm" ? "wasm" : "webgpu",
      ...(model.kind === "files" && model.files.length <= 2
        ? { tokenizer: new URL("./clip-tokenizer/", location.href).href }
        : {}),
      onProgress: ({ status, loaded, total, ...of }) =>
        onBytes({
          type: "bytes",
          file: status === "converting" ? "conversion" : "file" in of ? of.file : "",
          loaded,
          total,
        }),
    });
    signal?.throwIfAborted();
    opened = { pipe, name: model.name };
    yield { type: "opened", model: { ...pipe.model, name: model.name, branches: pipe.branchCosts() } };
  }

  async function* run({ model, options, variants }: Job, signal?: AbortSignal): AsyncGenerator<RunEvent> {
    if (opened?.name !== model)
      for await (const _ of open({ kind: "named", name: model }, signal)) signal?.throwIfAborted();
    if (opened === undefined) throw new EngineError(`Cannot run "${model}": it is not open`);
    const events = inbox<RunEvent>();
    onBytes = ({ file, loaded, total }) =>
      events.put({ type: "step", says: `Reading ${file}: ${megabytes(loaded)} of ${megabytes(total)}` });
    const onEvent = (event: ImageEvent): void => {
      for (const told of toldOf(event)) events.put(told);
    };
    const request = { prompt: "", ...options, onEvent, ...(signal === undefined ? {} : { signal }) };
    const made = opened.pipe.compare(request as never, variants as never);
    void Promise.resolve(made).then(
      () => events.close(),
      (error: unknown) => events.close(error),
    );
    try {
      yield* events;
    } finally {
      onBytes = () => {};
      made.abort();
    }
  }

  const lines = async (): Promise<Doctor["lines"]> => {
    const { quota = 0, usage = 0 } = await navigator.storage.estimate().catch(() => ({ quota: 0, usage: 0 }));
    return [
      { name: "WebGPU", value: support.webgpu ? (support.gpu ?? "yes") : `no: ${support.reason}` },
      { name: "Half precision", value: support.half ? "yes" : "no: weights in float32, twice the memory" },
      {
        name: "Large weights",
        value: support.jspi ? "read piece by piece (JSPI)" : "copied whole: this browser has no JSPI",
      },
      { name: "Threads", value: threadsText(support.threads) },
      { name: "Largest model", value: largestText(support.largestModel) },
      { name: "Kept in this browser", value: `${megabytes(usage)} of ${megabytes(quota)}: models and your history` },
      { name: "Leaves this page", value: "nothing" },
    ];
  };

  const [first] = BUNDLED;
  const place: Place = { kind: "page", device, says: saysOf(support, first) };
  return {
    place,
    describe: async () => ({ models: BUNDLED.map(({ name }) => name), lines: await lines() }),
    open,
    run,
    release,
  };
}

/** Waits for what keeps the program for visits without a network, but not for long. */
async function isControlled(): Promise<void> {
  const worker = "serviceWorker" in navigator ? navigator.serviceWorker : undefined;
  if (worker === undefined || worker.controller !== null || import.meta.env.DEV) return;
  const taken = new Promise((resolve) => worker.addEventListener("controllerchange", resolve, { once: true }));
  const after = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  // A page that was loaded past it is never taken over.
  await Promise.race([taken, worker.ready.then(() => after(1000)), after(20_000)]);
}

/** A model that lies beside the page: kept in this browser, or read from where it lies. */
async function* bundled(name: string, signal: AbortSignal | undefined): AsyncGenerator<OpenEvent, Source> {
  const found = BUNDLED.find((model) => model.name === name);
  if (found === undefined) throw new EngineError(`Cannot open "${name}": choose its file or folder again`);
  const url = new URL(found.url, document.baseURI).href;
  try {
    const keeping = keepModel({ ...found, url }, { signal });
    while (true) {
      const { done, value } = await keeping.next();
      if (done) return value as unknown as Source;
      yield { type: "bytes", ...value };
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
function sourceOf(files: readonly File[], { largestModel }: BrowserSupport): Source {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (bytes > largestModel) {
    throw new EngineError(
      `Cannot open this model here: it has ${(bytes / 1e9).toFixed(1)} GB, and this browser can run ${(largestModel / 1e9).toFixed(1)} GB; ` +
        '"deepcache serve" on this computer can run more',
    );
  }
  const [first] = files;
  if (files.length === 1 && first !== undefined) return first as Source;
  const yaml = files.find(({ name }) => /\.ya?ml$/i.test(name));
  const weights = files.find((file) => file !== yaml);
  return (files.length === 2 && yaml !== undefined && weights !== undefined ? weights : files) as Source;
}

const threadsText = (threads: number): string =>
  threads > 1 ? String(threads) : "1: more take a host that isolates the page (COOP and COEP)";
const largestText = (bytes: number): string =>
  Number.isFinite(bytes) ? `${(bytes / 1e9).toFixed(1)} GB` : "as the GPU's memory allows";

function saysOf({ webgpu, reason, half }: BrowserSupport, model: ServedModel | undefined): string {
  const first =
    model === undefined
      ? ""
      : `${megabytes(PROGRAM)} of program and ${megabytes(sizeOf(model))} of model are loaded at the first run, then kept.`;
  if (!webgpu) return `${first} Runs on the processor: ${reason}. Models above 2 GB need WebGPU, or "deepcache serve".`;
  return half ? first : `${first} This GPU computes in float32: models take twice the memory.`;
}

const STEPS = { encode: "Reading the prompt", load: "Loading the network", denoise: "", decode: "Decoding" } as const;

function toldOf(event: ImageEvent): RunEvent[] {
  const { lane = 0 } = event;
  switch (event.type) {
    case "phase":
      return STEPS[event.phase] === "" ? [] : [{ type: "step", says: STEPS[event.phase] }];
    case "warning":
      return [{ type: "warning", message: event.message }];
    case "evaluation": {
      const { evaluation, evaluations, full, seconds } = event;
      return [{ type: "evaluation", lane, evaluation, evaluations, full, seconds }];
    }
    case "preview":
      return event.images.slice(0, 1).map((image) => ({ type: "preview", lane, png: image.png() }));
    case "result": {
      const { image, sampler, steps, policy, evaluations, full, fse, seconds, warnings } = event.result;
      const { width, height, seed, parameters } = image;
      return [
        {
          ...{ type: "result", lane },
          picture: { png: image.png(), width, height, seed, parameters },
          result: { sampler, steps, policy, evaluations, full, speedup: evaluations / fse, seconds, warnings },
        } as RunEvent,
      ];
    }
  }
}
