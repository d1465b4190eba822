import type { AnyPipeline } from "../pipelines/any-pipeline.ts";
import type { GenerateRequest } from "../pipelines/generate-request.ts";
import type { RunSettings } from "../pipelines/run/run.ts";
import { addGrams, type Gram, gramCollector } from "./gram.ts";
import type { ImageSet, TrialResult, TuningSubject } from "./tuning.ts";

/** One image of a set. */
export interface TuningImage {
  readonly seed: number;
  /** The request for it alone. */
  readonly shown: Pick<GenerateRequest, "prompt" | "classes">;
}

export interface SubjectOptions {
  /** What all images have in common. */
  readonly request: GenerateRequest;
  readonly sets: Readonly<Record<ImageSet, readonly TuningImage[]>>;
  /** Images made together. */
  readonly batch: number;
  readonly branch: number;
  readonly signal?: AbortSignal | undefined;
}

/** A pipeline as what is tuned: every run is made on one network, cut and able to forecast, which stays loaded. */
export function tuningSubject(
  pipeline: AnyPipeline,
  { request, sets, batch, branch, signal }: SubjectOptions,
): TuningSubject {
  return {
    async timesteps(run) {
      return (await pipeline.plan({ ...request, ...shownBy(sets.calibration.slice(0, 1)), ...run, seed: 0 })).timesteps;
    },
    async run(set, run, { images = false, features = false, first } = {}) {
      const results: TrialResult[] = [];
      const all = sets[set].slice(0, first);
      for (let start = 0; start < all.length; start += batch) {
        const some = all.slice(start, start + batch);
        const grams = gramCollector();
        const settings: RunSettings = {
          ...{ cutAt: branch, forecasting: true, latentsOnly: !images },
          ...(features ? { observeTrunk: async (_, outputs) => grams.add(await downloaded(outputs)) } : {}),
        };
        const { latents, ...result } = await pipeline.generate(
          { ...request, ...shownBy(some), ...run, seed: some.map(({ seed }) => seed), signal },
          settings,
        );
        const size = latents.data.length / some.length;
        results.push({
          latents: some.map((_, i) => latents.data.slice(i * size, (i + 1) * size)),
          images: result.images,
          evaluations: result.evaluations,
          fse: result.fse,
          ratio: result.macs.cached / result.macs.full,
          gram: features ? grams.finish() : undefined,
        });
      }
      return joined(results);
    },
  };
}

type Outputs = Parameters<NonNullable<RunSettings["observeTrunk"]>>[1];

async function downloaded(outputs: Outputs): Promise<Float32Array[]> {
  const features: Float32Array[] = [];
  for (const output of Object.values(outputs)) features.push((await output.download()).data);
  return features;
}

/** Prompts or classes of some images; how many there are where a model takes neither. */
function shownBy(images: readonly TuningImage[]): Pick<GenerateRequest, "prompt" | "classes" | "count"> {
  const prompts = images.flatMap(({ shown: { prompt } }) => prompt ?? []);
  const classes = images.flatMap(({ shown: { classes: own } }) => (own === undefined || own === "all" ? [] : own));
  if (prompts.length > 0) return { prompt: prompts };
  return classes.length > 0 ? { classes } : { count: images.length };
}

function joined(results: readonly TrialResult[]): TrialResult {
  const [first] = results;
  if (first === undefined) throw new RangeError("Cannot tune on no images");
  const grams = results.flatMap(({ gram }): Gram[] => (gram === undefined ? [] : [gram]));
  return {
    ...first,
    latents: results.flatMap(({ latents }) => latents),
    images: results.flatMap(({ images }) => images),
    gram: grams.length > 0 ? addGrams(grams) : undefined,
  };
}
