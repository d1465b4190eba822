import type { Seed } from "../../pipelines/run/seeded-noise.ts";
import { UsageError } from "../flags/usage.ts";
import type { Job, JobRun } from "../job.ts";

/** One image to be made. */
export interface PlannedImage {
  /** Counted from 0, over all images. */
  readonly index: number;
  readonly seed: number;
  /** Its prompt or class among the job's rows. */
  readonly row: number;
}

/** Images that are made together. */
export interface Batch {
  readonly images: readonly PlannedImage[];
  readonly run: Pick<JobRun, "seed" | "rows" | "count">;
}

/** All images of a command, in order. */
export interface ImagePlan {
  readonly images: number;
  /** For each prompt or class. */
  readonly perRow: number;
  /** Images of the largest batch. */
  readonly batch: number;
  image(index: number): PlannedImage;
  batches(): Generator<Batch>;
}

/** What a plan is made from: flags, and a seed where they give none. */
export interface PlanOptions {
  readonly seed?: readonly number[] | undefined;
  readonly count?: number | undefined;
  readonly batch?: number | undefined;
  readonly oneGenerator?: boolean | undefined;
  readonly drawnSeed: () => number;
}

/**
 * Image i has seed + i, or a list of seeds makes one image each of every prompt. Those of one prompt are made together unless
 * `batch` says otherwise; with one generator, all are.
 */
export function planImages(job: Pick<Job, "conditioned" | "rows">, options: PlanOptions): ImagePlan {
  const { seed: seeds = [options.drawnSeed()], oneGenerator = false } = options;
  const perRow = imagesPerRow(seeds, options);
  const images = perRow * (job.conditioned === "nothing" ? 1 : job.rows.length);
  const { batch = oneGenerator ? images : perRow } = options;
  if (oneGenerator) checkOneGenerator(seeds, batch, images);
  const [first = 0] = seeds;
  const image = (index: number): PlannedImage => ({
    index,
    seed: oneGenerator ? first : seeds.length > 1 ? (seeds[index % perRow] ?? first) : first + index,
    row: Math.floor(index / perRow),
  });
  const runOf = (made: readonly PlannedImage[]): Batch["run"] => {
    if (oneGenerator) return { seed: first, count: perRow };
    const seed = seedOf(made);
    if (job.conditioned === "nothing") return { seed, count: made.length };
    return { seed, rows: made.map(({ row }) => row), count: 1 };
  };
  return {
    images,
    perRow,
    batch: Math.min(batch, images),
    image,
    *batches() {
      for (let begin = 0; begin < images; begin += batch) {
        const made = Array.from({ length: Math.min(batch, images - begin) }, (_, i) => image(begin + i));
        yield { images: made, run: runOf(made) };
      }
    },
  };
}

/** Images for each prompt or class, by --count or by how many seeds there are. */
export function imagesPerRow(seeds: readonly number[], { count }: Pick<PlanOptions, "count">): number {
  if (seeds.length <= 1) return count ?? 1;
  if (count === undefined || count === seeds.length) return seeds.length;
  throw new UsageError(`Cannot make ${count} images from ${seeds.length} seeds: leave out --count, or give one seed`);
}

function checkOneGenerator(seeds: readonly number[], batch: number, images: number): void {
  if (seeds.length > 1) throw new UsageError("Cannot use --one-generator with several seeds: it draws from one");
  if (batch < images) {
    throw new UsageError(`Cannot use --batch ${batch} with --one-generator: its ${images} images are one batch`);
  }
}

function seedOf(images: readonly PlannedImage[]): Seed {
  const [only, ...others] = images.map(({ seed }) => seed);
  return others.length === 0 ? (only ?? 0) : [only ?? 0, ...others];
}
