import { BUNDLED } from "virtual:models";
import { sizeText } from "deepcache/hub/size-text.ts";
import type { TextToImage } from "deepcache/library/loaded-model.ts";
import type { ImageEvent } from "deepcache/library/results.ts";
import { inbox } from "deepcache/remote/inbox.ts";
import {
  type Device,
  type Doctor,
  type Engine,
  EngineError,
  type Job,
  type ModelPlace,
  type OpenEvent,
  type OpenOptions,
  type RunEvent,
} from "./engine.ts";
import { forVisitors } from "./hub-words.ts";
import { configOf, isSingleFile, sourceOf, tooLarge } from "./model-source.ts";
import { megabytes, sizeOf } from "./model-store.ts";
import { pageDevices } from "./page-devices.ts";
import { bytesOf, telling } from "./telling.ts";
import { toldOf } from "./told-events.ts";

/** Bytes of ONNX Runtime's program, as browsers get it. */
const PROGRAM = 4.1e6;

/** The address of the hub, as the page was built for it. */
const HUB = __HUB__;

const hubHost = (): string => new URL(HUB).host;

/** Models in this page: in a worker of its own, on the GPU where WebGPU has one, or on the device that is wanted. */
export async function pageEngine(wanted?: Device): Promise<Engine> {
  const { support, device, choices, says } = await pageDevices(wanted);
  let opened: { readonly pipe: TextToImage; readonly name: string } | undefined;
  /** How the model's files come in, where they are not kept. */
  let onBytes: (event: OpenEvent & { readonly type: "bytes" }) => void = () => {};

  const release = async (): Promise<void> => {
    const { pipe } = opened ?? {};
    opened = undefined;
    await pipe?.dispose();
  };

  async function* open(model: ModelPlace, { signal, lowMemory = false }: OpenOptions = {}): AsyncGenerator<OpenEvent> {
    await release();
    const source = yield* sourceOf(model, support, signal);
    yield { type: "step", says: openingText(model) };
    const isKept = model.kind !== "hub" || model.isKept !== false;
    await isControlled();
    const { pipeline } = await import("deepcache"); // most of the program, which a visit that makes nothing does without
    const ended = new AbortController();
    const ends = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
    const pipe = yield* telling(async (tell) => {
      onBytes = (event) => {
        if ((event.all?.total ?? 0) > support.largestModel)
          ended.abort(tooLarge(event.all?.total ?? 0, support.largestModel));
        if (isKept) tell(event);
      };
      const opening = pipeline("text-to-image", source, {
        device,
        signal: ends,
        ...(lowMemory ? { memory: "low" } : {}),
        ...(isSingleFile(model) ? { tokenizer: vocabulary(), config: configOf(model) } : {}),
        ...(model.kind === "hub" ? { hub: { endpoint: HUB, token: model.token, keep: isKept } } : {}),
        onProgress: (progress) => onBytes(bytesOf(progress)),
      });
      return await opening.catch((error: unknown) => {
        throw forVisitors(error);
      });
    });
    onBytes = () => {};
    signal?.throwIfAborted();
    opened = { pipe, name: model.name };
    if (!isKept) yield { type: "notice", says: `${model.name} is not kept: its files come again with the next visit.` };
    yield { type: "opened", model: { ...pipe.model, name: model.name, branches: pipe.branchCosts() } };
  }

  async function* run({ model, options, variants }: Job, signal?: AbortSignal): AsyncGenerator<RunEvent> {
    if (opened?.name !== model)
      for await (const _ of open({ kind: "named", name: model }, { signal })) signal?.throwIfAborted();
    if (opened === undefined) throw new EngineError(`Cannot run "${model}": it is not open`);
    const events = inbox<RunEvent>();
    const loading = device === "webgpu" ? "Checking the GPU, compiling the network" : "Compiling the network";
    onBytes = ({ file, loaded, total }) =>
      events.put({ type: "step", says: `Reading ${lastOf(file)}: ${sizeText(loaded)} of ${sizeText(total)}` });
    const onEvent = (event: ImageEvent): void => {
      for (const told of toldOf(event, loading)) events.put(told);
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
      {
        name: "Large weights",
        value: support.jspi ? "read piece by piece (JSPI)" : "copied whole: this browser has no JSPI",
      },
      { name: "Largest model", value: largestText(support.largestModel) },
      { name: "Kept in this browser", value: `${sizeText(usage)} of ${sizeText(quota)}: models and your history` },
      {
        name: "Leaves this page",
        value: `nothing; ${hubHost()} is asked for what you open from it, and for nothing else`,
      },
    ];
  };

  const [first] = BUNDLED;
  const loaded =
    first === undefined
      ? ""
      : `${megabytes(PROGRAM)} of program and ${megabytes(sizeOf(first))} of model are loaded at the first run, then kept.`;
  return {
    place: { kind: "page", device, says: `${loaded} ${says}`.trim() },
    devices: choices,
    describe: async () => ({ models: BUNDLED.map(({ name }) => name), lines: await lines() }),
    open,
    run,
    release,
  };
}

function openingText(model: ModelPlace): string {
  if (model.kind !== "hub") return "Reading the model";
  return `${model.isKept === false ? "Reading" : "Fetching"} ${model.name} from ${hubHost()}`;
}

/** The folder and name of a file whose address may be long. */
const lastOf = (file: string): string => file.split("/").slice(-2).join("/");

/** CLIP's vocabulary, which lies beside the page. */
const vocabulary = () => ({
  url: new URL("./clip-tokenizer/", document.baseURI).href,
  files: ["vocab.json", "merges.txt"],
});

/** Waits for what keeps the program for visits without a network, but not for long. */
async function isControlled(): Promise<void> {
  const worker = "serviceWorker" in navigator ? navigator.serviceWorker : undefined;
  if (worker === undefined || worker.controller !== null || import.meta.env.DEV) return;
  const taken = new Promise((resolve) => worker.addEventListener("controllerchange", resolve, { once: true }));
  const after = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  // A page that was loaded past it is never taken over.
  await Promise.race([taken, worker.ready.then(() => after(1000)), after(20_000)]);
}

const largestText = (bytes: number): string =>
  Number.isFinite(bytes) ? `${(bytes / 1e9).toFixed(1)} GB` : "as the GPU's memory allows";
