import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import type { CheckpointFile } from "../../src/checkpoint/checkpoint-file.ts";
import type { Weight } from "../../src/checkpoint/weights.ts";
import { elementCount } from "../../src/tensor/tensor.ts";
import { fixturePath } from "../support/fixtures.ts";

/** Name in the original code; folder and name(s) in diffusers' layout, null where it has no use for it; shape. */
export type OriginalName = readonly [original: string, renamed: string | null, shape: readonly number[]];

/** The tensors of published models, without their data. */
export const ORIGINAL_NAMES = JSON.parse(
  gunzipSync(readFileSync(fixturePath("original/names/names.json.gz"))).toString("utf8"),
) as Readonly<Record<"sd-1.5" | "sd-2.1" | "sdxl", readonly OriginalName[]>>;

/** A file in half precision that has these tensors one after the other; it can be described, not read. */
export function imaginedFile(
  tensors: Iterable<readonly [name: string, shape: readonly number[]]>,
  metadata: Readonly<Record<string, string>> = {},
): CheckpointFile {
  const weights = new Map<string, Weight>();
  const source = memorySource(new Uint8Array(), "/imagined.safetensors");
  let offset = 0;
  for (const [name, shape] of tensors) {
    const length = 2 * elementCount(shape);
    weights.set(name, { dtype: "F16", shape, span: { source, offset, length } });
    offset += length;
  }
  return { weights, metadata };
}

/** The imagined file of a published model. */
export const publishedFile = (name: keyof typeof ORIGINAL_NAMES, metadata = {}): CheckpointFile =>
  imaginedFile(
    ORIGINAL_NAMES[name].map(([original, , shape]) => [original, shape]),
    metadata,
  );
