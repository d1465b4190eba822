import type { Command } from "commander";
import { PREVIEW_KINDS, type PreviewKind } from "../../pipelines/latents/previews.ts";
import { drawnSeed } from "../../pipelines/run/effects.ts";
import { policyOf } from "../flags/cache-flags.ts";
import { addMakingFlags, addPictureFlags } from "../flags/generation-flags.ts";
import { parseWhole, UsageError } from "../flags/usage.ts";
import { openDestination } from "../generate/destination.ts";
import { planImages } from "../generate/image-plan.ts";
import { checkBatchKept, readLiked } from "../generate/like.ts";
import { type GenerateFlags, makePictures } from "../generate/make-pictures.ts";
import { PLACEHOLDER_NAMES } from "../generate/picture-names.ts";
import { report, summary } from "../generate/report.ts";
import { openJob } from "../job.ts";
import { promptsGiven } from "../prompts.ts";
import type { Terminal } from "../terminal/console.ts";
import { interruptible } from "../terminal/interrupt.ts";
import { checkMemory } from "../terminal/memory-warning.ts";
import { checkWritable } from "../terminal/output-files.ts";
import { checkUsedProfile, profileText, withProfile } from "../tune/use-profile.ts";

/** `deepcache generate`: prompts to images. */
export function addGenerate(program: Command, terminal: Terminal): void {
  const command = program
    .command("generate")
    .summary("make pictures from prompts; the command to leave out")
    .description(
      "Makes pictures from prompts and prints their paths. Each is written as soon as it is done. Without cache flags every " +
        "evaluation runs the whole U-Net; --interval N runs its deep part on every N-th only and reuses the result in " +
        "between (DeepCache).",
    );
  addPictureFlags(command)
    .option(
      "--batch <n>",
      "images made together: more is a little faster and takes more memory; pictures stay the same (default: those of a prompt)",
      (text) => parseWhole("--batch", text, 1),
    )
    .option("--like <picture>", "make this picture again from what its file says; other flags change it");
  addMakingFlags(command)
    .optionsGroup("Output:")
    .option(
      "-o, --output <file>",
      `.png, .jpg or .webp, with ${PLACEHOLDER_NAMES.join(", ")} in its name if you like; - is stdout (default: deepcache-SEED.png)`,
    )
    .option(
      "--preview-every <n>",
      "write a preview beside each picture after every n evaluations, picture-preview-n.png",
      (text) => parseWhole("--preview-every", text, 1),
    )
    .option(
      "--preview-kind <how>",
      `how previews are made: ${PREVIEW_KINDS.join(", ")} (default: tiny with --tiny-vae, else linear where the latents have a known approximation)`,
      parsePreviewKind,
    )
    .option("--grid", "write all images as one picture, a row for each prompt or class (default for classes)")
    .option("--no-grid", "write each image to a file of its own")
    .option("--latents-output <file>", 'also write the final latents as safetensors (tensor "latents")')
    .option("--json", "print the result as JSON on stdout, in place of the paths")
    .helpOption("-h, --help", "show this help")
    .addHelpText(
      "after",
      `
Examples:
  deepcache "a fox on a teal background" --interval 3 --seed 1
  deepcache @prompts.txt -o "pictures/{index}-{prompt}.png"
  deepcache --like deepcache-1.png --seed 2,3,4
  deepcache "a castle by the sea" --model stable-diffusion-v1-5 --interval 5 --branch 1
  deepcache --model model.ckpt --config cin256-v2.yaml --class "golden retriever" --count 8 --interval 10
  deepcache --model ddpm-church-256 --sampler ddim --steps 100 --count 4 --interval 3 --branch 2`,
    )
    .action((args: string[], flags: GenerateFlags) =>
      interruptible((signal) => generate(args, flags, signal, terminal)),
    );
}

function parsePreviewKind(text: string): PreviewKind {
  const kind = PREVIEW_KINDS.find((name) => name === text);
  if (kind !== undefined) return kind;
  throw new UsageError(`Cannot use --preview-kind ${text}: one of ${PREVIEW_KINDS.join(", ")} is required`);
}

async function generate(
  args: readonly string[],
  asked: GenerateFlags,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<void> {
  const { flags: given, used } = withProfile(asked);
  const { output, latentsOutput, json } = given;
  const destination = await openDestination(output, terminal, { json });
  if (latentsOutput !== undefined) await checkWritable(latentsOutput);
  const liked = given.like === undefined ? undefined : await readLiked(given.like, signal);
  const described = policyOf(given, liked?.cache ?? { kind: "off" });
  const prompts = await promptsGiven(args, given, signal, terminal);
  if (liked !== undefined) checkBatchKept(liked, given, prompts);
  const batch = liked?.batch;
  const repeated = batch && { oneGenerator: true, count: batch.images / batch.prompts.length };
  const flags: GenerateFlags = { ...given, ...repeated };
  // After the only run, what it is done with is of no more use.
  const keepLoaded = flags.keepLoaded && makesSeveralRuns(prompts, flags);
  await using job = await openJob(prompts, { ...flags, keepLoaded }, signal, terminal, { liked });
  await checkUsedProfile(used, job);
  const cache = (await job.chosenPolicy()) ?? described;
  if (liked?.model !== undefined && liked.model !== job.name) {
    terminal.warn(`"${liked.path}" was made with the model "${liked.model}", this one is "${job.name}"`);
  }
  if (liked?.unrepeated !== undefined) {
    terminal.warn(`"${liked.path}" was made with what is not repeated: ${liked.unrepeated}`);
  }
  for (const [flag, name] of Object.entries(liked?.decoders ?? {})) {
    if (given[flag as "vae" | "tinyVae"] !== undefined) continue;
    terminal.warn(
      `"${liked?.path}" was decoded by "${name}", this one is not: give --${flag === "vae" ? flag : "tiny-vae"}`,
    );
  }
  const likedSeed = liked?.seed === undefined ? undefined : [liked.seed];
  const plan = planImages(job, { ...flags, seed: flags.seed ?? likedSeed, drawnSeed });
  checkMemory(job.memory(cache, plan.batch), { ...flags, keepLoaded, batch: plan.batch }, terminal);
  const only = batch && [batch.index];
  const { pictures, totals } = await makePictures(job, plan, { cache, flags, only, destination, signal, terminal });
  if (json === true) terminal.printJson(report(pictures, totals, job.name));
  else {
    terminal.note(summary(pictures, totals));
    if (used !== undefined) terminal.note(profileText(used.source, used.point));
    if (job.tuned !== undefined) terminal.note(profileText(`tuned for ${job.name}`, job.tuned));
  }
}

/** Whether networks are used again after a batch. */
function makesSeveralRuns(
  prompts: readonly string[],
  { batch, count = 1, seed = [], class: classes = [], oneGenerator }: GenerateFlags,
): boolean {
  const perRow = Math.max(count, seed.length);
  const rows = classes.includes("all") ? Number.POSITIVE_INFINITY : Math.max(prompts.length, classes.length, 1);
  return oneGenerator !== true && rows * perRow > (batch ?? perRow);
}
