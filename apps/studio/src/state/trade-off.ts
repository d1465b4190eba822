import { computed, signal } from "@preact/signals";
import type { Variant } from "../engine/engine.ts";
import { accelerated, type Form, jobOf, original, variantName } from "./form.ts";
import { onMade } from "./make.ts";
import { openForRuns } from "./models/open-model.ts";
import { closeness } from "./pixels.ts";
import { afterEvent, denoiseSeconds, emptyLane, type LaneState, type Pair } from "./run-state.ts";
import { engine, form, isBusy, model, pair, status } from "./session.ts";
import { settingsToTry, subjectOf } from "./settings-to-try.ts";

/** A picture of one prompt and seed, with what it took and how close it is to the original. */
export interface TradePoint {
  readonly id: string;
  readonly name: string;
  readonly kind: "cache" | "fewer" | "preset";
  readonly seconds: number;
  readonly psnr: number;
  readonly pair: Pair;
}

const all = signal<ReadonlyMap<string, readonly TradePoint[]>>(new Map());
/** The subject whose points are shown: that of the pair in the centre. */
const subject = computed(() => (pair.value === undefined ? undefined : subjectOf(pair.value.form)));
/** What has been made of this prompt and seed. */
export const points = computed(() => (subject.value === undefined ? [] : (all.value.get(subject.value) ?? [])));
/** What is being tried, and how many more there are; none where nothing is. */
export const trying = signal<{ readonly name: string; readonly left: number } | undefined>(undefined);

let controller: AbortController | undefined;

/** Listens for pairs that are made. */
export function collectPoints(): void {
  onMade((made) => addPoint(made, accelerated(made.form)));
}

function addPoint(made: Pair, variant: Variant): void {
  const [, lane] = made.lanes;
  if (made.closeness === undefined || lane.result === undefined) return;
  const key = subjectOf(made.form);
  const isFewer = variant.preset === undefined && (variant.cache === undefined || variant.cache === "off");
  const kind = variant.preset !== undefined ? "preset" : isFewer ? "fewer" : "cache";
  const point: TradePoint = {
    id: crypto.randomUUID(),
    ...{ name: lane.name, kind, pair: made, seconds: denoiseSeconds(lane), psnr: made.closeness.psnr },
  };
  const others = (all.value.get(key) ?? []).filter(({ name }) => name !== point.name);
  all.value = new Map([...all.value, [key, [...others, point]]]);
}

/** Shows a point's picture beside the original. */
export function showPoint(id: string): void {
  const found = points.value.find((point) => point.id === id);
  if (found === undefined || isBusy.value) return;
  pair.value = found.pair;
  status.value = { kind: "done" };
}

/** Tries settings of the pair that is shown, one after another. */
export async function tryMore(): Promise<void> {
  const shown = pair.value;
  if (shown === undefined || isBusy.value || trying.value !== undefined || engine.value === undefined) return;
  if (!(await openForRuns())) return;
  const own = new AbortController();
  controller = own;
  const asked = { ...shown.form, model: form.value.model };
  const known = new Set(points.value.map(({ name }) => name));
  const variants = settingsToTry(asked, model.value?.branches ?? []).filter((each) => !known.has(variantName(each)));
  try {
    let first: LaneState | undefined = shown.from === "example" ? undefined : shown.lanes[0];
    for (const [i, variant] of variants.entries()) {
      trying.value = { name: variantName(variant), left: variants.length - i };
      const made = await tryOne(asked, variant, first, own.signal);
      first = made.lanes[0];
      addPoint(made, variant);
    }
  } catch (error) {
    const { message, code } = error as Error & { readonly code?: string };
    if (!own.signal.aborted) status.value = { kind: "error", message, code };
  } finally {
    trying.value = undefined;
  }
}

/** Runs one setting; the original, too, where it is not there yet. */
async function tryOne(asked: Form, variant: Variant, first: LaneState | undefined, signal: AbortSignal): Promise<Pair> {
  const used = engine.value;
  if (used === undefined) throw new Error("Cannot try settings: nothing here can run a model");
  const job = jobOf({ ...asked, previewEvery: 0 }, first === undefined ? [original(asked), variant] : [variant]);
  let made: Pair = { form: asked, lanes: [first ?? emptyLane("Original"), emptyLane(variantName(variant))] };
  for await (const event of used.run(job, signal)) {
    made = afterEvent(made, "lane" in event && first !== undefined ? { ...event, lane: 1 } : event);
  }
  const [{ image: before }, { image: after }] = made.lanes;
  if (before === undefined || after === undefined) return made;
  return { ...made, closeness: await closeness(before, after) };
}

/** Ends what is being tried; what has been made stays. */
export function stopTrying(): void {
  controller?.abort();
}
