import { effect, untracked } from "@preact/signals";
import type { RunEvent } from "../engine/engine.ts";
import { keepProgram } from "../engine/keep-program.ts";
import { accelerated, type Form, jobsOf, variantName } from "./form.ts";
import { openIfNeeded } from "./models/open-model.ts";
import { paced } from "./paced.ts";
import { closeness } from "./pixels.ts";
import { afterEvent, emptyLane, type Pair } from "./run-state.ts";
import { engine, form, isSparing, model, pair, problems, status, warnings } from "./session.ts";
import { begin, guarded } from "./work.ts";

const listeners = new Set<(pair: Pair) => void>();

/** Calls `listener` with every pair that is made. */
export function onMade(listener: (pair: Pair) => void): void {
  listeners.add(listener);
}

/** Whether a pair was asked for before there was something to make it: keys are at hand as soon as the page is. */
let isAwaited = false;
effect(() => {
  if (engine.value === undefined || !isAwaited) return;
  isAwaited = false;
  void untracked(make);
});

/** Makes original and accelerated picture of the form as it is now, or as soon as there is something that can. */
export async function make(): Promise<void> {
  if (status.value.kind === "running") return;
  if (engine.value === undefined) {
    isAwaited = true;
    return;
  }
  if (Object.keys(problems.value).length > 0) {
    document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
    return;
  }
  const own = begin();
  await guarded(own, async () => {
    await openIfNeeded(own.signal);
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
  const previews = new Map<number, RunEvent>();
  const looks = paced(() => {
    for (const preview of previews.values()) current = afterEvent(current, preview);
    previews.clear();
    if (pair.value?.form === made) pair.value = current;
  }, BETWEEN_LOOKS_MS);
  try {
    for (const { job, lanes } of jobsOf(made)) {
      for await (const event of used.run(job, signal)) {
        if (event.type === "warning") warnings.value = [...new Set([...warnings.value, event.message])];
        else if (event.type === "step") status.value = { kind: "running", says: event.says };
        else if (event.type === "waiting") {
          const says = event.position === 0 ? "Starting" : `Waiting for ${event.position} other runs`;
          status.value = { kind: "running", says };
        } else {
          const told = { ...event, lane: lanes[event.lane] ?? event.lane };
          if (told.type === "preview") previews.set(told.lane, told);
          else current = afterEvent(current, told);
          if (told.type === "result") previews.delete(told.lane);
          if (told.type === "evaluation" && isSaying()) status.value = { kind: "running", says: "" };
          await looks.ask();
        }
      }
    }
  } finally {
    looks.end();
  }
  const [original, fast] = current.lanes;
  if (original.image !== undefined && fast.image !== undefined) {
    current = { ...current, closeness: await closeness(original.image, fast.image) };
    pair.value = current;
  }
  status.value = { kind: "done" };
  for (const listener of listeners) listener(current);
  void keepProgram();
}

/** Small models make a hundred evaluations a second: more than a page can draw and still listen to keys and clicks. */
const BETWEEN_LOOKS_MS = 50;

const isSaying = (): boolean => status.value.kind === "running" && status.value.says !== "";

/** Opens the model anew so that it takes less memory, and makes the pair. */
export async function makeSparingly(): Promise<void> {
  isSparing.value = true;
  model.value = undefined;
  await make();
}
