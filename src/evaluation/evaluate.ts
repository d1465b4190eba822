import { decodePng, encodePng } from "../image/png.ts";
import type { PngText } from "../image/png-text.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import type { GenerationResult, PipelineEvent } from "../pipelines/run/events.ts";
import { EvaluationError } from "./errors.ts";
import type { MeasureName } from "./measures.ts";
import { appendFeatures } from "./measuring/feature-files.ts";
import type { FeatureInstrument, ImageInstrument, ImageValues } from "./measuring/instruments.ts";
import { resume } from "./resume.ts";
import { jsonLines } from "./store/json-lines.ts";
import { imageFile, RESULTS, resultRecords, TIMINGS, type TimingRecord } from "./store/records.ts";
import type { Store } from "./store/store.ts";
import { baselineName, imagesOf, isBaseline, type Unit, unitsOf, type Workload } from "./workload/items.ts";

/** The model that is evaluated. */
export interface Subject {
  /** Makes the images of a unit, each from its own seed. */
  run(unit: Unit): AsyncIterable<PipelineEvent>;
  /** The text that image `index` of a unit carries. */
  text(unit: Unit, result: GenerationResult, index: number): Promise<PngText>;
}

/** What an evaluation works with. */
export interface EvaluateOptions {
  readonly workload: Workload;
  readonly subject: Subject;
  /** What is measured, in the order in which it is recorded. */
  readonly metrics: readonly MeasureName[];
  readonly instruments: readonly ImageInstrument[];
  readonly networks: readonly FeatureInstrument[];
  readonly store: Store;
  readonly signal?: AbortSignal | undefined;
}

/** What an evaluation tells while it goes on; `images` are counted once for every policy. */
export type EvaluationEvent =
  | { readonly type: "start"; readonly images: number; readonly total: number }
  | { readonly type: "warning"; readonly message: string }
  /** `part` of the current unit is done, 0 to 1. */
  | { readonly type: "step"; readonly unit: Unit; readonly images: number; readonly part: number }
  | { readonly type: "unit"; readonly unit: Unit; readonly images: number };

/**
 * Makes and measures all images that the store does not hold yet. Every unit is recorded once it is complete, so an
 * evaluation that is stopped at any moment can be taken up again, and then ends with the files of one that was not.
 */
export async function* evaluate(options: EvaluateOptions): AsyncGenerator<EvaluationEvent, void> {
  const { workload, store, networks, signal } = options;
  const progress = resume(store, workload, networks);
  const total = imagesOf(workload) * workload.policies.length;
  yield { type: "start", images: progress.images, total };
  const baseline = baselineOf(store, workload);
  const warned = new Set<string>();
  let position = 0;
  let { images } = progress;
  for (const unit of unitsOf(workload)) {
    if (position++ < progress.units) continue;
    for await (const event of complete(options, unit, baseline)) {
      if (event.type === "warning" && !warned.has(event.message)) {
        warned.add(event.message);
        yield event;
      }
      if (event.type === "evaluation") {
        yield { type: "step", unit, images, part: (event.evaluation + 1) / event.evaluations };
      }
    }
    images += unit.items.length;
    yield { type: "unit", unit, images };
    signal?.throwIfAborted();
  }
}

/** Does one unit: images first, then what is measured of them, then the records that make it count. */
async function* complete(
  { subject, metrics, instruments, networks, store, signal }: EvaluateOptions,
  unit: Unit,
  baseline: (unit: Unit, own: readonly RgbImage[]) => readonly RgbImage[] | undefined,
): AsyncGenerator<PipelineEvent> {
  const evaluationSeconds: number[] = [];
  let result: GenerationResult | undefined;
  for await (const event of subject.run(unit)) {
    if (event.type === "evaluation") evaluationSeconds.push(event.seconds);
    if (event.type === "result") result = event.result;
    yield event;
  }
  signal?.throwIfAborted();
  if (result === undefined) throw new EvaluationError("The run ended without a result");
  const { images } = result;
  const policy = unit.policy.name;
  for (const [i, image] of images.entries()) {
    store.write(imageFile(policy, unit.items[i]?.index ?? 0), encodePng(image, await subject.text(unit, result, i)));
  }
  const batch = { images, items: unit.items, baseline: baseline(unit, images) };
  const values: ImageValues = {};
  for (const instrument of instruments) Object.assign(values, await instrument.measure(batch));
  const features: (readonly [string, Float32Array])[] = [];
  for (const network of networks) features.push(...Object.entries(await network.extract(images)));
  for (const [output, data] of features) {
    appendFeatures(store, output, policy, data);
  }
  const { sampler, steps, full, seconds } = result;
  const timing: TimingRecord = {
    batch: unit.batch,
    policy,
    images: images.length,
    sampler,
    steps,
    full,
    seconds,
    evaluationSeconds,
  };
  store.append(TIMINGS, jsonLines([timing]));
  store.append(RESULTS, jsonLines(resultRecords(unit, result, pick(values, metrics))));
}

/** The values that were asked for, as far as there are any. */
const pick = (values: ImageValues, metrics: readonly MeasureName[]): ImageValues =>
  Object.fromEntries(metrics.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])));

/** Gives the baseline's images of a unit: those just made, or those that the store holds. */
function baselineOf(store: Store, { policies }: Workload) {
  const name = baselineName(policies);
  let held: { readonly batch: number; readonly images: readonly RgbImage[] } | undefined;
  return (unit: Unit, own: readonly RgbImage[]): readonly RgbImage[] | undefined => {
    if (name === undefined) return undefined;
    if (isBaseline(unit.policy)) {
      held = { batch: unit.batch, images: own };
      return undefined;
    }
    if (held?.batch !== unit.batch) {
      held = { batch: unit.batch, images: unit.items.map(({ index }) => readImage(store, imageFile(name, index))) };
    }
    return held.images;
  };
}

/** An image that the store holds. */
export function readImage(store: Store, name: string): RgbImage {
  const bytes = store.read(name);
  if (bytes === undefined) throw new EvaluationError(`Cannot read "${name}": the image is missing`);
  try {
    return decodePng(bytes).image;
  } catch (cause) {
    throw new EvaluationError(`Cannot read "${name}"`, { cause });
  }
}
