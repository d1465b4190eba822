import { useDevice } from "../../engine/choose-engine.ts";
import type { Device, Engine, HubModel, ModelPlace, OpenedModel, OwnPlace } from "../../engine/engine.ts";
import type { FileProgress, Status } from "../run-state.ts";
import { edit, engine, engineModels, form, isSparing, model, models, notice, status, visiting } from "../session.ts";
import { begin, guarded, settle } from "../work.ts";
import { keepInBrowser } from "./keep-model.ts";
import {
  dropOfHub,
  forget,
  type OwnHandle,
  type OwnModel,
  ownModels,
  placeOf,
  remember,
  rememberHub,
} from "./own-models.ts";

/** Takes an engine, with its first model or the one that the form names. */
export async function takeEngine(found: Engine): Promise<void> {
  engine.value = found;
  const { models: names } = await found.describe();
  engineModels.value = names;
  const [first = ""] = names;
  if (!models.value.includes(form.value.model)) edit({ model: first });
  // A page would have to load the model for this.
  if (found.place.kind === "server") await openModel();
}

/** Opens a model of the visitor's own, and remembers it where there are handles of it. */
export async function openOwn(place: OwnPlace, handles: readonly OwnHandle[]): Promise<void> {
  const kept = ownModels.value.flatMap((model) => (model.kept === undefined ? [] : [model.name]));
  const isTaken = [...engineModels.value, ...kept].includes(place.name);
  const own = isTaken ? { ...place, name: `${place.name} (from disk)` } : place;
  if (!(await openModel(own))) return;
  visiting.value = [...visiting.value, own.name];
  await remember(own, handles);
}

/** Downloads a model of the hub where it is not there yet, opens it, and remembers it. */
export async function openFromHub(place: HubModel): Promise<void> {
  if (await openModel(place)) await rememberHub(place);
}

/** The model of the hub that this browser has had no room for. */
let refused: HubModel | undefined;

/** Opens the model that there was no room for without keeping it; what has come of it gives way. */
export async function openUnkept(): Promise<void> {
  const place = refused;
  if (place === undefined) return;
  await dropOfHub(place.id);
  await openFromHub({ ...place, isKept: false });
}

/** Opens the model of the form, or another place's. */
export async function openModel(place?: ModelPlace): Promise<boolean> {
  const own = begin();
  return await guarded(own, async () => {
    await opening(place ?? (await placeOf(form.value.model)), own.signal);
    settle();
  });
}

/** Copies the model that is open among this page's files. */
export async function keepModelHere(): Promise<void> {
  const own = begin();
  await guarded(own, async () => {
    const place = await placeOf(form.value.model);
    if (place.kind === "named" || place.kind === "hub") return;
    let copying = startOpening("Copying into this browser");
    for await (const progress of keepInBrowser(place, own.signal)) {
      copying = withFile(copying, progress);
      status.value = copying;
    }
    notice.value = `${place.name} is kept in this browser: it opens without its files, and without a network.`;
    settle();
  });
}

/** Forgets a model of the visitor's own; the first of the engine's is chosen where it was open. */
export async function forgetModel(own: OwnModel): Promise<void> {
  visiting.value = visiting.value.filter((name) => name !== own.name);
  if (model.value?.name === own.name) {
    await engine.value?.release();
    model.value = undefined;
  }
  await forget(own);
  if (form.value.model === own.name) edit({ model: engineModels.value[0] ?? "" });
}

/** Runs models on another device from now on. */
export async function switchDevice(device: Device): Promise<void> {
  const own = begin();
  await guarded(own, async () => {
    await engine.value?.release();
    model.value = undefined;
    await takeEngine(await useDevice(device));
    settle();
  });
}

type Opening = Status & { readonly kind: "opening" };

function startOpening(says: string): Opening {
  const now = Date.now();
  const started: Opening = { kind: "opening", says, files: [], since: now, heard: now };
  status.value = started;
  return started;
}

const withFile = (now: Opening, { file, loaded, total, all }: FileProgress & Pick<Opening, "all">): Opening => ({
  ...now,
  files: [...now.files.filter((each) => each.file !== file), { file, loaded, total }],
  all: all ?? now.all,
  heard: Date.now(),
});

async function opening(place: ModelPlace, signal: AbortSignal): Promise<void> {
  const used = engine.value;
  if (used === undefined) throw new Error("Cannot open a model: nothing here can run one");
  let opened = startOpening("Opening the model");
  try {
    for await (const event of used.open(place, { signal, lowMemory: isSparing.value })) {
      signal.throwIfAborted();
      if (event.type === "opened") take(event.model, place);
      else if (event.type === "notice") notice.value = event.says;
      else if (event.type === "step") opened = { ...opened, says: event.says };
      else opened = withFile(opened, event);
      status.value = opened;
    }
  } catch (error) {
    model.value = undefined; // the one before has been let go of
    if (place.kind === "hub" && (error as { readonly code?: string }).code === "NO_ROOM") refused = place;
    throw error;
  }
}

function take(opened: OpenedModel, place: ModelPlace): void {
  const { name, width, height, multipleOf, samplers } = opened;
  model.value = opened;
  const fits = form.value.width % multipleOf === 0 && form.value.height % multipleOf === 0;
  // Kinds of models differ in the samplers that they run with.
  const own = samplers.includes(form.value.sampler) ? {} : { sampler: "" };
  edit({ model: name, ...own, ...(fits && place.kind === "named" ? {} : { width, height }) });
}

/** Opens the model of the form where another one is open, or none. */
export async function openIfNeeded(signal: AbortSignal): Promise<void> {
  const { model: name } = form.value;
  if (model.value?.name !== name) await opening(await placeOf(name), signal);
}

/** The same on its own, before settings are tried. */
export async function openForRuns(): Promise<boolean> {
  const own = begin();
  return await guarded(own, async () => {
    await openIfNeeded(own.signal);
    settle();
  });
}
