import { EvaluationError } from "./errors.ts";
import type { FeatureInstrument } from "./measuring/instruments.ts";
import { type JsonLine, readJsonLines } from "./store/json-lines.ts";
import { featureFile, imageFile, parseResult, parseTiming, RESULTS, TIMINGS } from "./store/records.ts";
import type { Store } from "./store/store.ts";
import { runOrder, type Unit, unitsOf, type Workload } from "./workload/items.ts";

const FLOAT_BYTES = 4;

/** How far an evaluation has come. */
export interface Progress {
  /** Units done: always the first ones, because units are done in one order. */
  readonly units: number;
  /** Images made, counted once for every policy. */
  readonly images: number;
}

/**
 * Finds the first units of which everything is there, and cuts the files down to them, so that going on gives what a run
 * without a break would have given.
 */
export function resume(store: Store, workload: Workload, networks: readonly FeatureInstrument[]): Progress {
  const results = readJsonLines(store, RESULTS);
  const timings = readJsonLines(store, TIMINGS);
  const outputs = networks.flatMap((network) => Object.entries(network.outputs));
  const made = new Map<string, number>();
  let [units, images, resultBytes, timingBytes] = [0, 0, 0, 0];
  for (const unit of unitsOf(workload)) {
    const timing = timings.next();
    if (timing.done === true) break;
    const done = (made.get(unit.policy.name) ?? 0) + unit.items.length;
    const lines = unit.items.map(() => results.next());
    const whole = lines.flatMap((line) => (line.done === true ? [] : [line.value]));
    if (whole.length < unit.items.length) break;
    checkUnit(unit, whole, timing.value);
    const missing = unit.items.some(({ index }) => store.size(imageFile(unit.policy.name, index)) === undefined);
    const short = outputs.some(
      ([output, width]) => (store.size(featureFile(output, unit.policy.name)) ?? 0) < done * width * FLOAT_BYTES,
    );
    if (missing || short) break;
    made.set(unit.policy.name, done);
    units++;
    images += unit.items.length;
    resultBytes = whole.at(-1)?.end ?? resultBytes;
    timingBytes = timing.value.end;
  }
  cutDown(store, RESULTS, resultBytes);
  cutDown(store, TIMINGS, timingBytes);
  for (const { name } of runOrder(workload.policies)) {
    for (const [output, width] of outputs) {
      cutDown(store, featureFile(output, name), (made.get(name) ?? 0) * width * FLOAT_BYTES);
    }
  }
  return { units, images };
}

function cutDown(store: Store, name: string, size: number): void {
  if ((store.size(name) ?? 0) > size) store.truncate(name, size);
}

/** Lines of another evaluation are a sign of files mixed up, not of a kill. */
function checkUnit(unit: Unit, lines: readonly JsonLine[], timing: JsonLine): void {
  const { batch, policy } = parseTiming(timing.value);
  const strange = lines
    .map(({ value }) => parseResult(value))
    .find(({ index, policy: name }, i) => index !== unit.items[i]?.index || name !== unit.policy.name);
  if (strange !== undefined || batch !== unit.batch || policy !== unit.policy.name) {
    throw new EvaluationError(
      `Cannot go on from the results: where image ${unit.items[0]?.index} under "${unit.policy.name}" should be, there ` +
        `is image ${strange?.index ?? `of batch ${batch}`} under "${strange?.policy ?? policy}"`,
    );
  }
}
