import type { Command } from "commander";
import { writeSafetensors } from "../../checkpoint/safetensors/write-safetensors.ts";
import { writeImage } from "../../image/files.ts";
import { drawGrid } from "../../image/grid.ts";
import { drawnSeed } from "../../pipelines/run/effects.ts";
import type { GenerationResult } from "../../pipelines/run/events.ts";
import { policyOf } from "../flags/cache-flags.ts";
import { addGenerationFlags, type GenerationFlags } from "../flags/generation-flags.ts";
import { type Job, openJob } from "../job.ts";
import type { Terminal } from "../terminal/console.ts";
import { interruptible } from "../terminal/interrupt.ts";
import { warnOfMemory } from "../terminal/memory-warning.ts";
import { checkWritable, numberedPaths } from "../terminal/output-files.ts";
import { giga, secondsText } from "../terminal/units.ts";
import { watchRun } from "../terminal/watch-run.ts";

interface Flags extends GenerationFlags {
  readonly latentsOutput?: string;
  readonly grid?: boolean;
}

/** `deepcache generate`: prompts to images. */
export function addGenerate(program: Command, terminal: Terminal): void {
  const command = program
    .command("generate")
    .summary("make images from prompts")
    .description(
      "Makes images from prompts. Without cache flags every evaluation runs the whole U-Net; --interval N runs its deep " +
        "part on every N-th only and reuses the result in between (DeepCache).",
    );
  addGenerationFlags(command, "deepcache.png")
    .option("--grid", "write all images as one picture, a row for each prompt or class (default for classes)")
    .option("--no-grid", "write each image to a file of its own")
    .option("--latents-output <file>", 'also write the final latents as safetensors (tensor "latents")')
    .addHelpText(
      "after",
      `
Examples:
  deepcache generate "a fox on a teal background" --interval 3 --seed 1
  deepcache generate "a castle by the sea" --model stable-diffusion-v1-5 --interval 5 --branch 1
  deepcache generate --model model.ckpt --config cin256-v2.yaml --class "golden retriever" --count 8 --interval 10
  deepcache generate --model ddpm-church-256 --sampler ddim --steps 100 --count 4 --interval 3 --branch 2`,
    )
    .action((prompts: string[], flags: Flags) => interruptible((signal) => generate(prompts, flags, signal, terminal)));
}

async function generate(prompts: string[], flags: Flags, signal: AbortSignal, terminal: Terminal): Promise<void> {
  const cache = policyOf(flags, { kind: "off" });
  for (const path of [flags.output, flags.latentsOutput]) if (path !== undefined) await checkWritable(path);
  // There is one run: what it is done with is of no more use.
  const settled = { ...flags, keepLoaded: false };
  await using job = await openJob(prompts, settled, signal, terminal);
  warnOfMemory(job.memory(cache), settled, terminal);
  const { seed = drawnSeed(), steps } = flags;
  const result = await watchRun(job.stream({ cache, seed, steps }), terminal);
  signal.throwIfAborted();

  const paths = writeImages(job, result, flags);
  if (flags.latentsOutput !== undefined) await writeSafetensors(flags.latentsOutput, { latents: result.latents });
  if (flags.json === true) terminal.printJson(report(result, paths, job.name));
  else terminal.print(summary(result, [...new Set(paths)]));
}

/** Writes every image to a file of its own or, as a grid, all to one; gives the file of each. */
function writeImages(job: Job, result: GenerationResult, { output, grid, count }: Flags): readonly string[] {
  const { images } = result;
  // Pictures of classes go together as in the paper; so do those of models that are told nothing.
  const together = grid ?? (job.conditioned !== "prompt" && images.length > 1);
  if (!together) {
    const paths = numberedPaths(output, images.length);
    images.forEach((image, i) => {
      writeImage(paths[i] ?? output, image, job.parameters(result, i));
    });
    return paths;
  }
  const perRow = job.rows.length > 0 ? count : Math.ceil(Math.sqrt(images.length));
  const rows = Array.from({ length: Math.ceil(images.length / perRow) }, (_, row) => ({
    ...(job.rows.length > 1 ? { label: job.rows[row] ?? "" } : {}),
    images: images.slice(row * perRow, (row + 1) * perRow),
  }));
  writeImage(output, drawGrid(rows), job.parameters(result, 0));
  return images.map(() => output);
}

function report(result: GenerationResult, paths: readonly string[], model: string): object {
  const { seed, sampler, steps, evaluations, full, policy, macs, fse, seconds, parts } = result;
  return {
    images: result.images.map(({ width, height }, i) => ({ path: paths[i], seed, width, height })),
    model,
    sampler,
    steps,
    evaluations,
    full,
    policy,
    macs,
    fse,
    seconds,
    parts,
  };
}

function summary(
  { full, evaluations, macs, seconds, seed, policy }: GenerationResult,
  paths: readonly string[],
): string {
  const saved = policy.kind === "off" ? "" : `, ${giga(macs.total)} of ${giga(macs.uncached)} MACs`;
  return [
    ...paths,
    `seed ${seed}; ${full.length} of ${evaluations} evaluations full${saved}`,
    `${secondsText(seconds.total)}: loading ${secondsText(seconds.load)}, prompt ${secondsText(seconds.encode)}, ` +
      `denoising ${secondsText(seconds.denoise)}, decoding ${secondsText(seconds.decode)}`,
  ].join("\n");
}
