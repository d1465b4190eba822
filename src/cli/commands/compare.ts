import type { Command } from "commander";
import { branchOf, formatPolicy, readCache } from "../../deepcache/policies.ts";
import { drawGrid } from "../../image/grid.ts";
import { drawnSeed } from "../../pipelines/run/effects.ts";
import { type ComparedRow, type Comparison, comparePolicies, comparisonRows } from "../comparison.ts";
import { DEFAULT_INTERVAL, policiesOf } from "../flags/cache-flags.ts";
import { addMakingFlags, addPictureFlags, type GenerationFlags } from "../flags/generation-flags.ts";
import { parseWhole, UsageError } from "../flags/usage.ts";
import { checkPicture, writePicture } from "../generate/destination.ts";
import { planImages } from "../generate/image-plan.ts";
import { openJob } from "../job.ts";
import { promptsGiven } from "../prompts.ts";
import type { Terminal } from "../terminal/console.ts";
import { interruptible } from "../terminal/interrupt.ts";
import { checkMemory } from "../terminal/memory-warning.ts";
import { secondsText } from "../terminal/units.ts";
import { checkUsedProfile, withProfile } from "../tune/use-profile.ts";

interface Flags extends GenerationFlags {
  readonly output: string;
  readonly repeat: number;
}

/** `deepcache compare`: the same images without and with the cache. */
export function addCompare(program: Command, terminal: Terminal): void {
  const command = program
    .command("compare")
    .summary("original and accelerated, side by side, with times and difference")
    .description(
      "Makes the same images from the same noise without and with the cache, and writes them as one picture: original " +
        "above, accelerated below, a row for each interval. Times are those of denoising; the limit is what the saved " +
        "operations allow.",
    );
  addPictureFlags(command);
  addMakingFlags(command)
    .optionsGroup("Output:")
    .option(
      "--repeat <n>",
      "time each this many times, in turn, and take the medians",
      (text) => parseWhole("--repeat", text, 1),
      1,
    )
    .option("-o, --output <file>", "where to write the picture: .png, .jpg or .webp", "compare.png")
    .option("--json", "print the result as JSON on stdout, in place of the path")
    .helpOption("-h, --help", "show this help")
    .addHelpText(
      "after",
      `
Examples:
  deepcache compare "a fox on a teal background" --interval 5 --count 4
  deepcache compare "a fox on a teal background" --interval 2,3,5,10`,
    )
    .action((args: string[], flags: Flags) => interruptible((signal) => compare(args, flags, signal, terminal)));
}

async function compare(args: readonly string[], asked: Flags, signal: AbortSignal, terminal: Terminal): Promise<void> {
  const { flags, used } = withProfile(asked);
  const described = policiesOf(flags, readCache(DEFAULT_INTERVAL));
  if (flags.speedup === 1 || described.some(({ kind }) => kind === "off")) {
    throw new UsageError("Cannot compare without a cache: both rows would be the same");
  }
  const branches = new Set(described.map(branchOf));
  if (branches.size > 1) {
    throw new UsageError(
      `Cannot compare caches at branches ${[...branches].join(", ")}: all must be at the same branch`,
    );
  }
  await checkPicture(flags.output);
  const prompts = await promptsGiven(args, flags, signal, terminal);
  await using job = await openJob(prompts, flags, signal, terminal);
  await checkUsedProfile(used, job);
  const chosen = await job.chosenPolicy();
  const policies = chosen === undefined ? described : [chosen];
  const { steps, repeat, output } = flags;
  const plan = planImages(job, { ...flags, batch: Number.MAX_SAFE_INTEGER, drawnSeed }); // all are one batch
  for (const policy of policies.slice(0, 1)) {
    checkMemory(job.memory(policy, plan.batch), flags, terminal); // all take about the same
  }
  const [batch] = plan.batches();
  if (batch === undefined) throw new Error("Nothing was compared");
  const comparison = await comparePolicies(job, policies, { ...batch.run, steps, repeat }, terminal);
  signal.throwIfAborted();
  await writePicture(output, drawGrid(comparisonRows(comparison)));
  if (flags.json === true) return terminal.printJson(report(comparison, output, plan.image(0).seed));
  terminal.note(summary(comparison));
  terminal.print(output);
}

/** The first policy's numbers at the top, where one is compared; all of them as `rows`. */
function report({ baseline, rows }: Comparison, output: string, seed: number): object {
  const own = ({ seconds, totalSeconds, speedup, macsRatio, psnr, ssim, policy, full }: ComparedRow) => ({
    deepcache: { seconds, totalSeconds },
    ...{ speedup, macsRatio, psnr, ssim, policy, full },
  });
  const all = rows.map(own);
  const { seconds, totalSeconds } = baseline;
  return { baseline: { seconds, totalSeconds }, ...all[0], output, seed, ...(all.length > 1 ? { rows: all } : {}) };
}

function summary({ baseline, rows }: Comparison): string {
  const lines = rows.flatMap(({ seconds, speedup, macsRatio, psnr, ssim, policy, full, evaluations }) => [
    `DeepCache  ${secondsText(seconds)}  (${formatPolicy(policy)}; ${full.length} of ${evaluations} evaluations full)`,
    `speed-up   ${speedup.toFixed(2)}x, ${((100 * speedup) / macsRatio).toFixed(0)} % of the ${macsRatio.toFixed(2)}x that the operations allow`,
    `difference PSNR ${Number.isFinite(psnr) ? `${psnr.toFixed(1)} dB` : "identical"}, SSIM ${ssim.toFixed(3)}`,
  ]);
  return [`original   ${secondsText(baseline.seconds)}`, ...lines].join("\n");
}
