import { type FeatureStatistics, featureStatistics } from "../../metrics/frechet-distance.ts";
import { matrix, type Samples } from "../../metrics/linear-algebra/matrix.ts";
import type { Reference, ReferenceImages } from "../../metrics/reference-statistics.ts";
import { EvaluationError } from "../errors.ts";
import { featureFile } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import type { FeatureInstrument } from "./instruments.ts";

/** The reference's features lie where a policy of this name would have its own. */
export const REFERENCE = "reference";

/** Of a value in a feature file. */
export const FLOAT_BYTES = 4;

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

/** The vectors of a file, of which a block at a time is in memory. */
export function storedSamples(store: Store, name: string, width: number): Samples {
  const rows = (store.size(name) ?? 0) / (FLOAT_BYTES * width);
  if (!Number.isInteger(rows) || rows < 2) {
    throw new EvaluationError(
      `Cannot compare sets of images: "${name}" holds features of ${rows}, at least 2 are required`,
    );
  }
  return {
    rows,
    columns: width,
    block(begin, end) {
      const bytes = store.read(name, FLOAT_BYTES * width * begin, FLOAT_BYTES * width * end) ?? new Uint8Array();
      const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / FLOAT_BYTES);
      return matrix(end - begin, width, Float64Array.from(values));
    },
  };
}

/** Keeps what a network's features are compared with: what is given, or what the network comes with. */
export async function settleReference(
  store: Store,
  network: FeatureInstrument,
  { images, statistics }: Reference,
  batch: number,
): Promise<void> {
  if (images !== undefined) await extractImages(store, network, REFERENCE, images, batch);
  for (const [output, width] of Object.entries(network.outputs)) {
    const extracted = images === undefined ? undefined : storedSamples(store, featureFile(output, REFERENCE), width);
    const known = statistics[output] ?? (extracted && featureStatistics(extracted)) ?? network.references?.[output];
    if (known !== undefined) writeReference(store, output, known);
  }
}

/** Adds the features of images that the store lacks under `name`. */
export async function extractImages(
  store: Store,
  network: FeatureInstrument,
  name: string,
  { count, read }: ReferenceImages,
  batch: number,
): Promise<void> {
  const files = Object.entries(network.outputs).map(([output, width]) => ({
    file: featureFile(output, name),
    bytes: width * FLOAT_BYTES,
  }));
  const held = Math.min(...files.map(({ file, bytes }) => Math.floor((store.size(file) ?? 0) / bytes)));
  if (held >= count) return;
  const begin = held - (held % batch);
  for (const { file, bytes } of files) if (store.size(file) !== undefined) store.truncate(file, begin * bytes);
  for (let at = begin; at < count; at += batch) {
    const features = await network.extract(await read(at, Math.min(at + batch, count)));
    for (const [output, data] of Object.entries(features)) appendFeatures(store, output, name, data);
  }
}

/** Adds feature vectors to the file of an output and a policy. */
export function appendFeatures(store: Store, output: string, policy: string, data: Float32Array): void {
  store.append(featureFile(output, policy), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
