import { drawGrid } from "../../image/grid.ts";
import type { PreviewKind } from "../../pipelines/latents/previews.ts";
import { UsageError } from "../flags/usage.ts";
import type { Terminal } from "../terminal/console.ts";
import type { PreviewEvent } from "../terminal/watch-run.ts";
import { writePicture } from "./destination.ts";
import { withSuffix } from "./picture-names.ts";

/** What people are told of a kind of preview, since only one shows what the pictures would be. */
const KINDS: Readonly<Record<PreviewKind, string>> = {
  tiny: "by the tiny autoencoder",
  linear: "a linear approximation of the latents",
  full: "by the model's decoder",
};

/**
 * Writes previews beside pictures: `names` are those of the pictures, one for each image or one for all together. Each file
 * says how it was made; the terminal is told once.
 */
export function previewWriter(terminal: Terminal): (preview: PreviewEvent, names: readonly string[]) => Promise<void> {
  let told = false;
  return async ({ images, kind, evaluation, evaluations }, names) => {
    const [only] = names;
    const pictures = names.length === images.length || only === undefined ? images : [drawGrid([{ images }])];
    const number = String(evaluation + 1).padStart(String(evaluations).length, "0");
    const text = { Comment: `Preview after ${evaluation + 1} of ${evaluations} evaluations, ${KINDS[kind]}` };
    for (const [i, picture] of pictures.entries()) {
      const name = names[i];
      if (name !== undefined) await writePicture(withSuffix(name, `preview-${number}`), picture, text);
    }
    if (!told)
      terminal.note(`previews are written beside pictures; they are made ${KINDS[kind].replace(/^a /, "as a ")}`);
    told = true;
  };
}

/** Refuses previews that have no place. */
export function checkPreviews(name: string | undefined, previewEvery: number | undefined): void {
  if (previewEvery !== undefined && name === undefined) {
    throw new UsageError("Cannot write previews beside a picture on stdout: give --output a name");
  }
}
