import { basename } from "node:path";
import type { Command } from "commander";
import { writeSafetensors } from "../../checkpoint/write-safetensors.ts";
import { writeImage } from "../../image/write-image.ts";
import type { GenerationResult } from "../../pipelines/events.ts";
import { imageParameters } from "../../pipelines/image-parameters.ts";
import { openStableDiffusion } from "../../pipelines/stable-diffusion-model.ts";
import { textToImage } from "../../pipelines/text-to-image.ts";
import { policyOf } from "../cache-flags.ts";
import type { Terminal } from "../console.ts";
import { defaultModelFolder } from "../default-model.ts";
import { addGenerationFlags, type GenerationFlags, runOptions, runtimeOf } from "../generation-flags.ts";
import { interruptible } from "../interrupt.ts";
import { checkWritable, numberedPaths } from "../output-files.ts";
import { giga, secondsText } from "../units.ts";
import { watchRun } from "../watch-run.ts";

interface Flags extends GenerationFlags {
  readonly latentsOutput?: string;
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
    .option("--latents-output <file>", 'also write the final latents as safetensors (tensor "latents")')
    .addHelpText(
      "after",
      `
Examples:
  deepcache generate "a fox on a teal background" --interval 3 --seed 1
  deepcache generate "a castle by the sea" --model stable-diffusion-v1-5 --interval 5 --branch 1`,
    )
    .action((prompts: string[], flags: Flags) => interruptible((signal) => generate(prompts, flags, signal, terminal)));
}

async function generate(prompts: string[], flags: Flags, signal: AbortSignal, terminal: Terminal): Promise<void> {
  const folder = flags.model ?? defaultModelFolder();
  const policy = policyOf(flags, { kind: "off" });
  const options = { ...runOptions(prompts, flags, signal), cache: policy };
  const runtime = runtimeOf(flags);
  for (const path of [flags.output, flags.latentsOutput]) if (path !== undefined) await checkWritable(path);
  const model = await openStableDiffusion(folder, { variant: flags.variant });
  await using pipeline = textToImage(model, { runtime });
  const result = await watchRun(pipeline.stream(options), terminal);
  signal.throwIfAborted();

  const paths = numberedPaths(flags.output, result.images.length);
  const name = basename(folder);
  result.images.forEach((image, i) => {
    writeImage(paths[i] ?? flags.output, image, imageParameters(options, result, i, name));
  });
  if (flags.latentsOutput !== undefined) await writeSafetensors(flags.latentsOutput, { latents: result.latents });
  if (flags.json === true) terminal.printJson(report(result, paths, name));
  else terminal.print(summary(result, paths));
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
