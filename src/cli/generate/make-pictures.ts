import { writeSafetensors } from "../../checkpoint/safetensors/write-safetensors.ts";
import type { CachePolicy } from "../../deepcache/policies.ts";
import { drawGrid } from "../../image/grid.ts";
import type { PngText } from "../../image/png-text.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import { concatenate } from "../../tensor/concatenate.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { GenerationFlags } from "../flags/generation-flags.ts";
import type { Job } from "../job.ts";
import type { Terminal } from "../terminal/console.ts";
import { makeFolderOf } from "../terminal/output-files.ts";
import { watchRun } from "../terminal/watch-run.ts";
import type { Destination } from "./destination.ts";
import type { Batch, ImagePlan, PlannedImage } from "./image-plan.ts";
import type { NamedImage } from "./picture-names.ts";
import { addRun, type MadePicture, type RunTotals } from "./report.ts";
import { checkPreviews, previewWriter } from "./write-previews.ts";

/** Flags of `generate`. */
export interface GenerateFlags extends GenerationFlags {
  readonly output?: string;
  readonly like?: string;
  readonly latentsOutput?: string;
  readonly grid?: boolean;
}

/** What pictures are made with, and where they go. */
export interface MakingOptions {
  readonly cache: CachePolicy;
  readonly flags: GenerateFlags;
  /** Which images are written; all where left out. */
  readonly only: readonly number[] | undefined;
  readonly destination: Destination;
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
}

/** What was made, and what it took. */
export interface MadePictures {
  readonly pictures: readonly MadePicture[];
  readonly totals: RunTotals;
}

/** An image with what its file says of it. */
interface Shown {
  readonly image: NamedImage;
  readonly picture: RgbImage;
  readonly text: PngText;
}

/** Makes the images of a plan, batch by batch; each is written, and its path printed, when its batch is done. */
export async function makePictures(job: Job, plan: ImagePlan, options: MakingOptions): Promise<MadePictures> {
  const { cache, flags, only, destination, signal, terminal } = options;
  const isWanted = (index: number): boolean => only?.includes(index) ?? true;
  const named = (index: number): NamedImage => {
    const { row, seed } = plan.image(index);
    return { index: only?.indexOf(index) ?? index, seed, prompt: job.rows[row] ?? "" };
  };
  // Pictures of classes go together as in the paper; so do those of models that are told nothing.
  const together = only === undefined && (flags.grid ?? (job.conditioned !== "prompt" && plan.images > 1));
  const files = together ? 1 : (only?.length ?? plan.images);
  await destination.check(files, (index) => named(only?.[index] ?? index));
  checkPreviews(destination.nameOf(named(only?.[0] ?? 0), files), flags.previewEvery);
  const writePreview = previewWriter(terminal);
  const tell = (path: string | undefined): void => {
    if (path !== undefined && flags.json !== true) terminal.print(path);
  };
  const pictures: MadePicture[] = [];
  const shown: Shown[] = [];
  const latents: Tensor[] = [];
  let totals: RunTotals | undefined;
  for (const batch of plan.batches()) {
    const run = { ...batch.run, cache, steps: flags.steps };
    const nameOf = ({ index }: PlannedImage): string | undefined => destination.nameOf(named(index), files);
    const result = await watchRun(job.stream(run), terminal, {
      what: batchName(batch, plan),
      onPreview: async (preview) => {
        const wanted = batch.images.flatMap((image, i) => (isWanted(image.index) ? [{ image, i }] : []));
        const pictures = wanted.flatMap(({ i }) => preview.images[i] ?? []);
        const names = (together ? wanted.slice(0, 1) : wanted).flatMap(({ image }) => nameOf(image) ?? []);
        await writePreview({ ...preview, images: pictures }, names);
      },
    });
    signal.throwIfAborted();
    totals = addRun(totals, result);
    if (flags.latentsOutput !== undefined) latents.push(result.latents);
    for (const [i, { index }] of batch.images.entries()) {
      const picture = result.images[i];
      if (picture === undefined || !isWanted(index)) continue;
      const image = named(index);
      const text = job.parameters(result, i, batch.run);
      if (together) shown.push({ image, picture, text });
      else {
        const path = await destination.write(picture, text, image, files);
        tell(path);
        pictures.push({ ...image, path, width: picture.width, height: picture.height });
      }
    }
  }
  if (together) {
    const path = await writeTogether(shown, job, plan, destination);
    tell(path);
    pictures.push(...shown.map(({ image, picture: { width, height } }) => ({ ...image, path, width, height })));
  }
  await writeLatents(latents, flags.latentsOutput);
  if (totals === undefined) throw new Error("Nothing was run");
  return { pictures, totals };
}

/** "images 3 to 4 of 10", where there are several batches. */
function batchName({ images }: Batch, plan: ImagePlan): string | undefined {
  if (images.length === plan.images) return undefined;
  const [first = 0, last = first] = [images[0], images.at(-1)].flatMap((image) => (image ? [image.index + 1] : []));
  return `${first === last ? `image ${first}` : `images ${first} to ${last}`} of ${plan.images}`;
}

/** Writes all images as one picture, a row for each prompt or class; those of nothing as a square. */
async function writeTogether(
  shown: readonly Shown[],
  { rows, conditioned }: Job,
  { perRow }: ImagePlan,
  destination: Destination,
): Promise<string | undefined> {
  const width = conditioned === "nothing" ? Math.ceil(Math.sqrt(shown.length)) : perRow;
  const gridRows = Array.from({ length: Math.ceil(shown.length / width) }, (_, row) => ({
    ...(rows.length > 1 ? { label: rows[row] ?? "" } : {}),
    images: shown.slice(row * width, (row + 1) * width).map(({ picture }) => picture),
  }));
  const [first] = shown;
  if (first === undefined) throw new Error("Nothing was run");
  return await destination.write(drawGrid(gridRows), first.text, first.image, 1);
}

async function writeLatents([first, ...others]: readonly Tensor[], path: string | undefined): Promise<void> {
  if (path === undefined || first === undefined) return;
  makeFolderOf(path);
  await writeSafetensors(path, { latents: concatenate([first, ...others], 0) });
}
