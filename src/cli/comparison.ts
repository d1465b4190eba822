import { branchOf, type CachePolicy, formatPolicy } from "../deepcache/policies.ts";
import { enlargeSmoothly } from "../image/geometry/enlarge.ts";
import type { GridRow } from "../image/grid.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import { psnr } from "../metrics/psnr.ts";
import { ssim } from "../metrics/ssim.ts";
import type { GenerationResult, PipelineEvent } from "../pipelines/run/events.ts";
import type { Job, JobRun } from "./job.ts";
import type { Terminal } from "./terminal/console.ts";
import { secondsText } from "./terminal/units.ts";
import { watchRun } from "./terminal/watch-run.ts";

interface Timed {
  /** Of denoising: the median of all repetitions. */
  readonly seconds: number;
  /** Of the whole first run. */
  readonly totalSeconds: number;
  readonly images: readonly RgbImage[];
}

/** One policy beside the baseline. */
export interface ComparedRow extends Timed {
  readonly policy: CachePolicy;
  readonly full: readonly number[];
  readonly evaluations: number;
  readonly speedup: number;
  /** The speed-up that the operations allow. */
  readonly macsRatio: number;
  /** Means over the images, against the baseline's. */
  readonly psnr: number;
  readonly ssim: number;
}

export interface Comparison {
  readonly baseline: Timed;
  readonly rows: readonly ComparedRow[];
}

export interface CompareOptions extends Pick<JobRun, "seed" | "rows" | "count"> {
  readonly steps: number | undefined;
  /** Baseline and policies take turns this many times. */
  readonly repeat: number;
}

/** Runs the baseline and every policy in turn, warmed up, on the same parts and from the same noise. */
export async function comparePolicies(
  job: Job,
  policies: readonly CachePolicy[],
  { repeat, ...images }: CompareOptions,
  terminal: Terminal,
): Promise<Comparison> {
  // The baseline runs on the same parts, so that weights are loaded once and nothing but the plan differs.
  const [branch = 0] = policies.flatMap((policy) => branchOf(policy) ?? []);
  const uncached: CachePolicy = { kind: "off" };
  const run = (cache: CachePolicy): Promise<GenerationResult> =>
    watchRun(job.stream({ ...images, cache, cutAt: branch }), terminal);
  terminal.status("warming up");
  await warmUp(job.stream({ ...images, cache: uncached, cutAt: branch }));
  const results = [uncached, ...policies].map((): GenerationResult[] => []);
  for (let i = 0; i < repeat; i++) {
    for (const [index, cache] of [uncached, ...policies].entries()) {
      terminal.status(index === 0 ? "without the cache" : `with the cache: ${formatPolicy(cache)}`);
      results[index]?.push(await run(cache));
    }
  }
  const [original = [], ...accelerated] = results;
  const baseline = timed(original);
  return {
    baseline,
    rows: policies.map((policy, i) => {
      const own = timed(accelerated[i] ?? []);
      const { macs, full, evaluations } = first(accelerated[i] ?? []);
      const pairs = baseline.images.map((image, k) => [image, own.images[k] ?? image] as const);
      return {
        ...own,
        policy,
        full,
        evaluations,
        speedup: baseline.seconds / own.seconds,
        macsRatio: macs.uncached / macs.total,
        psnr: mean(pairs.map(([a, b]) => psnr(a, b))),
        ssim: mean(pairs.map(([a, b]) => ssim(a, b))),
      };
    }),
  };
}

/** Begins a run and leaves it after its first evaluations, which fill ONNX Runtime's pools. */
async function warmUp(events: AsyncIterable<PipelineEvent>): Promise<void> {
  for await (const event of events) if (event.type === "evaluation" && event.evaluation === WARM_UP - 1) break;
}

const WARM_UP = 2;
/** Pictures of models smaller than this are enlarged in the figure. */
const SMALLEST_PICTURE = 192;

/** The paper's figure: the original above, every policy below, labelled with its text, speed-up and PSNR. */
export function comparisonRows({ baseline, rows }: Comparison): GridRow[] {
  const visible = (images: readonly RgbImage[]): RgbImage[] =>
    images.map((image) =>
      enlargeSmoothly(image, Math.max(1, Math.ceil(SMALLEST_PICTURE / Math.min(image.width, image.height)))),
    );
  return [
    { label: `original  ${secondsText(baseline.seconds)}`, images: visible(baseline.images) },
    ...rows.map(({ policy, seconds, speedup, psnr: difference, images }) => ({
      label: `DeepCache ${formatPolicy(policy)}  ${secondsText(seconds)}  ${speedup.toFixed(2)}x  ${
        Number.isFinite(difference) ? `${difference.toFixed(1)} dB` : "identical"
      }`,
      images: visible(images),
    })),
  ];
}

function timed(results: readonly GenerationResult[]): Timed {
  const sorted = results.map(({ seconds }) => seconds.denoise).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const seconds = ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
  const { images, seconds: all } = first(results);
  return { seconds, totalSeconds: all.total, images };
}

function first(results: readonly GenerationResult[]): GenerationResult {
  const [result] = results;
  if (result === undefined) throw new RangeError("Nothing was run");
  return result;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
