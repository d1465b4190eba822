import { computed, signal } from "@preact/signals";
import type { Variant } from "../engine/engine.ts";
import { accelerated, type Form, jobOf, original, variantName } from "./form.ts";
import { onMade } from "./make.ts";
import { openForRuns } from "./models/open-model.ts";
import { closeness } from "./pixels.ts";
import { afterEvent, emptyLane, type LaneState, type Pair } from "./run-state.ts";
import { edit, engine, form, isBusy, model, models, notice, pair, status } from "./session.ts";
import { settingsToTry, subjectOf } from "./settings-to-try.ts";
import { comparable, kindOf, type TradePoint, typicalSeconds, withPoint } from "./trade-points.ts";

const all = signal<ReadonlyMap<string, readonly TradePoint[]>>(new Map());
/** The originals that had the place to themselves, by their subjects. */
const originals = new Map<string, LaneState>();
/** The subject whose points are shown: that of the pair in the centre. */
const subject = computed(() => (pair.value === undefined ? undefined : subjectOf(pair.value.form)));
const made = computed(() => (subject.value === undefined ? [] : (all.value.get(subject.value) ?? [])));
/** What has been made of this prompt and seed, as far as its times may be compared. */
export const points = computed(() => comparable(made.value));
/** What has been made in turns, with previews, where others were made on their own. */
export const pointsToTime = computed(() => made.value.filter((point) => !points.value.includes(point)));
/** What is being tried, and how many more there are; none where nothing is. */
export const trying = signal<{ readonly name: string; readonly left: number } | undefined>(undefined);

let controller: AbortController | undefined;

/** Listens for pairs that are made. */
export function collectPoints(): void {
  onMade((pair) => {
    const { order, previewEvery } = pair.form;
    const isAlone = order === "fast" && previewEvery === 0;
    if (isAlone) originals.set(subjectOf(pair.form), pair.lanes[0]);
    addPoint(pair, accelerated(pair.form), isAlone);
  });
}

function addPoint(made: Pair, variant: Variant, isAlone: boolean): void {
  const [, lane] = made.lanes;
  if (made.closeness === undefined || lane.result === undefined) return;
  const key = subjectOf(made.form);
  const point: TradePoint = {
    id: crypto.randomUUID(),
    name: lane.name,
    kind: kindOf(variant),
    variant,
    isAlone,
    seconds: typicalSeconds(lane),
    psnr: made.closeness.psnr,
    pair: made,
  };
  all.value = new Map([...all.value, [key, withPoint(all.value.get(key) ?? [], point)]]);
}

/** Shows a point's picture beside the original. */
export function showPoint(id: string): void {
  const found = made.value.find((point) => point.id === id);
  if (found === undefined || isBusy.value) return;
  pair.value = found.pair;
  status.value = { kind: "done" };
}

/** Tries settings of the pair that is shown, one after another, and what was made in turns once more: all on their own. */
export async function tryMore(): Promise<void> {
  const shown = pair.value;
  if (shown === undefined || isBusy.value || trying.value !== undefined || engine.value === undefined) return;
  if (!chooseModelOf(shown) || !(await openForRuns())) return;
  const own = new AbortController();
  controller = own;
  const asked = { ...shown.form, model: form.value.model, previewEvery: 0 };
  const variants = variantsToTry(asked);
  try {
    const key = subjectOf(shown.form);
    const isTimed = originals.has(key);
    const count = variants.length + (isTimed ? 0 : 1);
    if (!isTimed) {
      trying.value = { name: "the original", left: count };
      originals.set(key, await runAlone(asked, original(asked), "Original", own.signal));
    }
    const first = originals.get(key) ?? emptyLane("Original");
    for (const [i, variant] of variants.entries()) {
      const name = variantName(variant);
      trying.value = { name, left: variants.length - i };
      const lane = await runAlone(asked, variant, name, own.signal);
      addPoint(await compared(shown.form, [first, lane]), variant, true);
    }
  } catch (error) {
    const { message, code } = error as Error & { readonly code?: string };
    if (!own.signal.aborted) status.value = { kind: "error", message, code };
  } finally {
    trying.value = undefined;
  }
}

/** Chooses the model that made a pair, where it can be opened; an example is tried with the one that is chosen. */
function chooseModelOf({ form: { model: name }, from }: Pair): boolean {
  if (from === "example" || name === form.value.model) return true;
  if (models.value.includes(name)) edit({ model: name });
  else notice.value = `${name}, which made this pair, is not open here: open it to try more settings.`;
  return form.value.model === name;
}

/** What was made in turns comes first, since the visitor has asked for it. */
function variantsToTry(asked: Form): readonly Variant[] {
  const inTurns = made.value.filter(({ isAlone }) => !isAlone).map(({ variant }) => variant);
  const known = new Set(made.value.filter(({ isAlone }) => isAlone).map(({ name }) => name));
  return [...inTurns, ...settingsToTry(asked, model.value?.branches ?? [])].filter((variant) => {
    const name = variantName(variant);
    const isNew = !known.has(name);
    known.add(name);
    return isNew;
  });
}

/** Runs one setting with nothing beside it. */
async function runAlone(asked: Form, variant: Variant, name: string, signal: AbortSignal): Promise<LaneState> {
  const used = engine.value;
  if (used === undefined) throw new Error("Cannot try settings: nothing here can run a model");
  let running: Pair = { form: asked, lanes: [emptyLane(name), emptyLane("")] };
  for await (const event of used.run(jobOf(asked, [variant]), signal)) running = afterEvent(running, event);
  return running.lanes[0];
}

async function compared(of: Form, lanes: Pair["lanes"]): Promise<Pair> {
  const [{ image: before }, { image: after }] = lanes;
  const made = { form: of, lanes };
  return before === undefined || after === undefined ? made : { ...made, closeness: await closeness(before, after) };
}

/** Ends what is being tried; what has been made stays. */
export function stopTrying(): void {
  controller?.abort();
}
