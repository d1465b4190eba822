import type { Command } from "commander";
import { formatPolicy } from "../../deepcache/policy.ts";
import { enlargeSmoothly } from "../../image/enlarge.ts";
import { drawGrid } from "../../image/grid.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import { writeImage } from "../../image/write-image.ts";
import { psnr } from "../../metrics/psnr.ts";
import { ssim } from "../../metrics/ssim.ts";
import type { GenerationResult } from "../../pipelines/events.ts";
import { openStableDiffusion } from "../../pipelines/stable-diffusion-model.ts";
import { textToImage } from "../../pipelines/text-to-image.ts";
import { DEFAULT_INTERVAL, policyOf } from "../cache-flags.ts";
import type { Terminal } from "../console.ts";
import { defaultModelFolder } from "../default-model.ts";
import { addGenerationFlags, type GenerationFlags, runOptions, runtimeOf } from "../generation-flags.ts";
import { interruptible } from "../interrupt.ts";
import { checkWritable } from "../output-files.ts";
import { secondsText } from "../units.ts";
import { parseWhole, UsageError } from "../usage.ts";
import { watchRun } from "../watch-run.ts";

interface Flags extends GenerationFlags {
  readonly repeat: number;
}

/** Pictures of models smaller than this are enlarged in the figure. */
const SMALLEST_PICTURE = 192;

/** `deepcache compare`: the same images without and with the cache. */
export function addCompare(program: Command, terminal: Terminal): void {
  const command = program
    .command("compare")
    .summary("original and accelerated, side by side, with times and difference")
    .description(
      "Makes the same images twice from the same noise, without and with the cache, and writes both rows as one picture: " +
        "original above, accelerated below. Times are those of denoising; the limit is what the saved operations allow.",
    );
  addGenerationFlags(command, "compare.png")
    .option(
      "--repeat <n>",
      "time each this many times, in turn, and take the medians",
      (text) => parseWhole("--repeat", text, 1),
      1,
    )
    .addHelpText("after", '\nExample:\n  deepcache compare "a fox on a teal background" --interval 5 --count 4')
    .action((prompts: string[], flags: Flags) => interruptible((signal) => compare(prompts, flags, signal, terminal)));
}

async function compare(prompts: string[], flags: Flags, signal: AbortSignal, terminal: Terminal): Promise<void> {
  const policy = policyOf(flags, { kind: "uniform", interval: DEFAULT_INTERVAL, branch: 0 });
  if (policy.kind === "off") throw new UsageError("Cannot compare with --no-cache: both rows would be the same");
  await checkWritable(flags.output);
  const model = await openStableDiffusion(flags.model ?? defaultModelFolder(), { variant: flags.variant });
  await using pipeline = textToImage(model, { runtime: runtimeOf(flags) });
  const seed = flags.seed ?? crypto.getRandomValues(new Uint32Array(1))[0];
  const options = { ...runOptions(prompts, flags, signal), seed };
  // The baseline runs on the same three parts, so that weights are loaded once and nothing but the plan differs.
  const baselinePolicy = { kind: "uniform", interval: 1, branch: policy.branch } as const;

  terminal.status("warming up");
  await pipeline.generate({ ...options, cache: baselinePolicy, steps: Math.min(2, flags.steps) });
  const baselines: GenerationResult[] = [];
  const cached: GenerationResult[] = [];
  for (let i = 0; i < flags.repeat; i++) {
    terminal.status("without the cache");
    baselines.push(await watchRun(pipeline.stream({ ...options, cache: baselinePolicy }), terminal));
    terminal.status("with the cache");
    cached.push(await watchRun(pipeline.stream({ ...options, cache: policy }), terminal));
  }
  const [baseline, accelerated] = [baselines[0], cached[0]];
  if (baseline === undefined || accelerated === undefined) return;

  const times = { baseline: median(baselines), deepcache: median(cached) };
  const speedup = times.baseline / times.deepcache;
  const macsRatio = accelerated.macs.uncached / accelerated.macs.total;
  const quality = {
    psnr: mean(pairs(baseline.images, accelerated.images).map(([a, b]) => psnr(a, b))),
    ssim: mean(pairs(baseline.images, accelerated.images).map(([a, b]) => ssim(a, b))),
  };
  const gain = `${speedup.toFixed(2)}x`;
  const decibels = Number.isFinite(quality.psnr) ? `${quality.psnr.toFixed(1)} dB` : "identical";
  const rows = [
    { label: `original  ${secondsText(times.baseline)}`, images: visible(baseline.images) },
    {
      label: `DeepCache ${formatPolicy(policy)}  ${secondsText(times.deepcache)}  ${gain}  ${decibels}`,
      images: visible(accelerated.images),
    },
  ];
  signal.throwIfAborted();
  writeImage(flags.output, drawGrid(rows));
  const result = {
    baseline: { seconds: times.baseline, totalSeconds: baseline.seconds.total },
    deepcache: { seconds: times.deepcache, totalSeconds: accelerated.seconds.total },
    speedup,
    macsRatio,
    ...quality,
    output: flags.output,
    seed,
    policy,
    full: accelerated.full,
  };
  if (flags.json === true) return terminal.printJson(result);
  terminal.print(
    [
      `original   ${secondsText(times.baseline)}`,
      `DeepCache  ${secondsText(times.deepcache)}  (${formatPolicy(policy)}; ${accelerated.full.length} of ${accelerated.evaluations} evaluations full)`,
      `speed-up   ${gain}, ${((100 * speedup) / macsRatio).toFixed(0)} % of the ${macsRatio.toFixed(2)}x that the operations allow`,
      `difference PSNR ${decibels}, SSIM ${quality.ssim.toFixed(3)}`,
      flags.output,
    ].join("\n"),
  );
}

function median(results: readonly GenerationResult[]): number {
  const sorted = results.map(({ seconds }) => seconds.denoise).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const pairs = <T>(a: readonly T[], b: readonly T[]): [T, T][] => a.map((item, i) => [item, b[i] ?? item]);

function visible(images: readonly RgbImage[]): RgbImage[] {
  return images.map((image) =>
    enlargeSmoothly(image, Math.max(1, Math.ceil(SMALLEST_PICTURE / Math.min(image.width, image.height)))),
  );
}
