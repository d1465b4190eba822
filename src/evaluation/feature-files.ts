import type { RgbImage } from "../image/rgb-image.ts";
import type { FeatureStatistics } from "../metrics/frechet-distance.ts";
import { EvaluationError } from "./errors.ts";
import type { FeatureInstrument } from "./instruments.ts";
import { featureFile } from "./records.ts";
import type { Store } from "./store.ts";

/** The reference's features lie where a policy of this name would have its own. */
export const REFERENCE = "reference";

/** Of a value in a feature file. */
export const FLOAT_BYTES = 4;
/** Vectors that are read at a time. */
const BLOCK = 1024;

/** Where the reference's mean and covariance lie: float64, one after the other. */
export const referenceFile = (output: string): string => `features/${output}/${REFERENCE}.f64`;

/** Keeps the statistics that an output's features are compared with. */
function writeReference(store: Store, output: string, { mean, covariance }: FeatureStatistics): void {
  const values = new Float64Array(mean.length + covariance.data.length);
  values.set(mean);
  values.set(covariance.data, mean.length);
  store.write(referenceFile(output), new Uint8Array(values.buffer));
}

/** What an output's features are compared with. */
export function readReference(store: Store, output: string): FeatureStatistics {
  const bytes = store.read(referenceFile(output));
  const count = (bytes?.length ?? 0) / Float64Array.BYTES_PER_ELEMENT;
  const width = Math.floor(Math.sqrt(count)); // of width + width² values
  if (bytes === undefined || width + width ** 2 !== count) {
    throw new EvaluationError(`Cannot compare sets of images: "${referenceFile(output)}" is missing or damaged`);
  }
  const values = new Float64Array(bytes.buffer, bytes.byteOffset, count);
  const covariance = { rows: width, columns: width, data: values.slice(width) };
  return { mean: values.slice(0, width), covariance };
}

/** Mean and unbiased covariance of the vectors of a file, read twice in blocks: memory does not grow with their number. */
export function storedStatistics(store: Store, name: string, width: number): FeatureStatistics {
  const count = (store.size(name) ?? 0) / (FLOAT_BYTES * width);
  if (!Number.isInteger(count) || count < 2) {
    throw new EvaluationError(
      `Cannot compare sets of images: "${name}" holds features of ${count}, at least 2 are required`,
    );
  }
  const mean = new Float64Array(width);
  for (const vector of vectorsIn(store, name, width)) {
    for (let i = 0; i < width; i++) mean[i]! += vector[i]! / count;
  }
  const sums = new Float64Array(width * width);
  const centered = new Float64Array(width);
  for (const vector of vectorsIn(store, name, width)) {
    for (let i = 0; i < width; i++) centered[i] = vector[i]! - mean[i]!;
    for (let i = 0; i < width; i++) {
      const value = centered[i]!;
      for (let j = 0; j <= i; j++) sums[i * width + j]! += value * centered[j]!;
    }
  }
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) sums[j * width + i] = sums[i * width + j]! /= count - 1;
  }
  return { mean, covariance: { rows: width, columns: width, data: sums } };
}

/** The vectors of a file, one after the other. */
export function* vectorsIn(store: Store, name: string, width: number): Generator<Float32Array> {
  const size = store.size(name) ?? 0;
  const step = BLOCK * width * FLOAT_BYTES;
  for (let offset = 0; offset < size; offset += step) {
    const bytes = store.read(name, offset, Math.min(size, offset + step)) ?? new Uint8Array();
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / FLOAT_BYTES);
    for (let i = 0; i < values.length; i += width) yield values.subarray(i, i + width);
  }
}

/** Images to compare with, read some at a time. */
export interface Reference {
  readonly count: number;
  read(begin: number, end: number): Promise<readonly RgbImage[]>;
}

/** Keeps what a network's features are compared with: the given images, or what the network comes with. */
export async function settleReference(
  store: Store,
  network: FeatureInstrument,
  reference: Reference | undefined,
  batch: number,
): Promise<void> {
  if (reference !== undefined) await extractReference(store, network, reference, batch);
  for (const [output, width] of Object.entries(network.outputs)) {
    const statistics =
      reference === undefined
        ? network.references?.[output]
        : storedStatistics(store, featureFile(output, REFERENCE), width);
    if (statistics === undefined)
      throw new EvaluationError(`Cannot compare sets of images by "${output}": no reference`);
    writeReference(store, output, statistics);
  }
}

/** Adds the features of reference images that the store lacks. */
async function extractReference(
  store: Store,
  network: FeatureInstrument,
  { count, read }: Reference,
  batch: number,
): Promise<void> {
  const files = Object.entries(network.outputs).map(([output, width]) => ({
    name: featureFile(output, REFERENCE),
    bytes: width * FLOAT_BYTES,
  }));
  const held = Math.min(...files.map(({ name, bytes }) => Math.floor((store.size(name) ?? 0) / bytes)));
  if (held >= count) return;
  const begin = held - (held % batch);
  for (const { name, bytes } of files) if (store.size(name) !== undefined) store.truncate(name, begin * bytes);
  for (let at = begin; at < count; at += batch) {
    const features = await network.extract(await read(at, Math.min(at + batch, count)));
    for (const [output, data] of Object.entries(features)) appendFeatures(store, output, REFERENCE, data);
  }
}

/** Adds feature vectors to the file of an output and a policy. */
export function appendFeatures(store: Store, output: string, policy: string, data: Float32Array): void {
  store.append(featureFile(output, policy), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
