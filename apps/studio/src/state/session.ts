import { computed, effect, signal } from "@preact/signals";
import type { Engine, ModelPlace, OpenedModel } from "../engine/engine.ts";
import { accelerated, FIRST_FORM, type Form, jobOf, problemsOf, variantName } from "./form.ts";
import { formFromLink, formToLink } from "./link.ts";
import { closeness } from "./pixels.ts";
import { afterEvent, emptyLane, type FileProgress, type Pair, progressOf, type Status } from "./run-state.ts";

/** What runs the models; none until it has been found. */
export const engine = signal<Engine | undefined>(undefined);
/** The names of the models that it has. */
export const models = signal<readonly string[]>([]);
/** The model that is open. */
export const model = signal<OpenedModel | undefined>(undefined);
/** What the visitor has set. */
export const form = signal<Form>(FIRST_FORM);
/** The form before it was replaced as a whole, to go back to. */
export const formerForm = signal<Form | undefined>(undefined);
/** What is wrong with the form. */
export const problems = computed(() => problemsOf(form.value, model.value));
/** The pair in the centre of the page. */
export const pair = signal<Pair | undefined>(undefined);
/** What the studio is doing. */
export const status = signal<Status>({ kind: "empty" });
/** What may surprise in the last run. */
export const warnings = signal<readonly string[]>([]);
/** A line of news for a while, such as what a picture said that the form has no field for. */
export const notice = signal<string | undefined>(undefined);
/** Whether runs are under way that must not be disturbed. */
export const isBusy = computed(() => status.value.kind === "opening" || status.value.kind === "running");

let running: AbortController | undefined;
const listeners = new Set<(pair: Pair) => void>();

/** Calls `listener` with every pair that is made. */
export function onMade(listener: (pair: Pair) => void): void {
  listeners.add(listener);
}

/** Changes some fields of the form. */
export function edit(change: Partial<Form>): void {
  form.value = { ...form.value, ...change };
}

/** Replaces the form; what it was can be had back. */
export function replaceForm(other: Form): void {
  formerForm.value = form.value;
  form.value = { ...other, model: form.value.model };
}

/** Gives back the form as it was before it was replaced. */
export function undoForm(): void {
  if (formerForm.value === undefined) return;
  form.value = formerForm.value;
  formerForm.value = undefined;
}

/** Puts the form into the link and keeps it for the next visit. */
export function keepForm(): void {
  const kept = localStorage.getItem("form");
  form.value = formFromLink(location.hash === "" ? (kept ?? "") : location.hash);
  effect(() => {
    const link = formToLink(form.value);
    localStorage.setItem("form", link);
    history.replaceState(null, "", link === "" ? location.pathname + location.search : `#${link}`);
  });
  window.addEventListener("hashchange", () => {
    form.value = formFromLink(location.hash);
  });
}

/** Takes an engine, with its first model or the one that the form names. */
export async function takeEngine(found: Engine): Promise<void> {
  engine.value = found;
  const { models: names } = await found.describe();
  models.value = names;
  const [first = ""] = names;
  if (!names.includes(form.value.model)) edit({ model: first });
  // A page would have to load the model for this.
  if (found.place.kind === "server") await openModel();
}

/** Opens the model of the form, or another place's. */
export async function openModel(place: ModelPlace = { kind: "named", name: form.value.model }): Promise<boolean> {
  const own = begin();
  return await guarded(own, async () => {
    await opening(place, own.signal);
    status.value = pair.value?.from === "example" || pair.value === undefined ? { kind: "empty" } : { kind: "done" };
  });
}

async function opening(place: ModelPlace, signal: AbortSignal): Promise<void> {
  const used = engine.value;
  if (used === undefined) throw new Error("Cannot open a model: nothing here can run one");
  let opened: Status & { kind: "opening" } = { kind: "opening", says: "Opening", files: [], since: Date.now() };
  status.value = opened;
  for await (const event of used.open(place, signal)) {
    signal.throwIfAborted();
    if (event.type === "opened") {
      const { name, width, height, multipleOf } = event.model;
      model.value = event.model;
      if (!models.value.includes(name)) models.value = [...models.value, name];
      const fits = form.value.width % multipleOf === 0 && form.value.height % multipleOf === 0;
      // Kinds of models differ in the samplers that they run with.
      const own = event.model.samplers.includes(form.value.sampler) ? {} : { sampler: "" };
      edit({ model: name, ...own, ...(fits && place.kind === "named" ? {} : { width, height }) });
    } else if (event.type === "notice") notice.value = event.says;
    else if (event.type === "step") opened = { ...opened, says: event.says };
    else {
      const { file, loaded, total } = event;
      const others: readonly FileProgress[] = opened.files.filter((each) => each.file !== file);
      opened = { ...opened, files: [...others, { file, loaded, total }] };
    }
    status.value = opened;
  }
}

/** Makes original and accelerated picture of the form as it is now. */
export async function make(): Promise<void> {
  if (status.value.kind === "running" || engine.value === undefined) return;
  if (Object.keys(problems.value).length > 0) {
    document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
    return;
  }
  const own = begin();
  await guarded(own, async () => {
    if (model.value?.name !== form.value.model) await opening({ kind: "named", name: form.value.model }, own.signal);
    await run(form.value, own.signal);
  });
}

async function run(made: Form, signal: AbortSignal): Promise<void> {
  const used = engine.value;
  if (used === undefined) return;
  warnings.value = [];
  let current: Pair = { form: made, lanes: [emptyLane("Original"), emptyLane(variantName(accelerated(made)))] };
  pair.value = current;
  status.value = { kind: "running", says: "Starting" };
  for await (const event of used.run(jobOf(made), signal)) {
    if (event.type === "warning") warnings.value = [...new Set([...warnings.value, event.message])];
    else if (event.type === "step") status.value = { kind: "running", says: event.says };
    else if (event.type === "waiting") {
      const says = event.position === 0 ? "Starting" : `Waiting for ${event.position} other runs`;
      status.value = { kind: "running", says };
    } else {
      if (event.type === "evaluation") status.value = { kind: "running", says: "" };
      current = afterEvent(current, event);
      pair.value = current;
    }
  }
  const [original, fast] = current.lanes;
  if (original.image !== undefined && fast.image !== undefined) {
    current = { ...current, closeness: await closeness(original.image, fast.image) };
    pair.value = current;
  }
  status.value = { kind: "done" };
  for (const listener of listeners) listener(current);
}

function begin(): AbortController {
  running?.abort();
  running = new AbortController();
  return running;
}

/** Runs `work`, and says what became of it. */
async function guarded(own: AbortController, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (own !== running) return false; // a newer one has taken its place
    if (own.signal.aborted || (error as Error).name === "AbortError") stopped();
    else {
      const { message, code } = error as Error & { readonly code?: string };
      status.value = { kind: "error", message, code };
    }
    return false;
  }
}

function stopped(): void {
  const { done, of } = pair.value === undefined ? { done: 0, of: 0 } : progressOf(pair.value);
  const isRun = status.value.kind === "running" && pair.value !== undefined;
  status.value = isRun ? { kind: "stopped", done, of } : { kind: "empty" };
}

/** Ends what runs; what is there stays. */
export function stop(): void {
  running?.abort();
}
