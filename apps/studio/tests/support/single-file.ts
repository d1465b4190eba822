import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixturePath } from "../../../../tests/support/fixtures.ts";

const TOKENS = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight";
/** Words of CLIP's vocabulary, which the page has for files that carry none. */
const VOCABULARY = 49_408;

/** Writes a single file of Stable Diffusion 1 with random weights and as many words as CLIP has; gives its path. */
export function singleFile(name: string): string {
  const bytes = readFileSync(fixturePath("original/single/model.safetensors"));
  const length = Number(bytes.readBigUInt64LE(0));
  const { __metadata__, ...header } = JSON.parse(bytes.toString("utf8", 8, 8 + length));
  const data = bytes.subarray(8 + length);
  const { shape, data_offsets, dtype } = header[TOKENS];
  const words = data.subarray(data_offsets[0], data_offsets[1]);
  const copies = Math.ceil(VOCABULARY / shape[0]);
  const rowBytes = words.length / shape[0];
  const all = Buffer.concat(Array.from({ length: copies }, () => words)).subarray(0, VOCABULARY * rowBytes);
  // The tensor that there was is left out, and the longer one comes behind the others.
  const others = Object.entries(header).filter(([key]) => key !== TOKENS) as [string, typeof header][];
  const parts: Buffer[] = [];
  let at = 0;
  const put = (part: Buffer): readonly [number, number] => {
    parts.push(part);
    at += part.length;
    return [at - part.length, at];
  };
  const moved = others.map(([key, entry]) => [
    key,
    { ...entry, data_offsets: put(data.subarray(...(entry.data_offsets as [number, number]))) },
  ]);
  const longer = { dtype, shape: [VOCABULARY, shape[1]], data_offsets: put(all) };
  const json = Buffer.from(JSON.stringify({ ...Object.fromEntries(moved), [TOKENS]: longer }));
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, " ")]);
  const begin = Buffer.alloc(8);
  begin.writeBigUInt64LE(BigInt(padded.length));
  const path = join(mkdtempSync(join(tmpdir(), "single-")), name);
  writeFileSync(path, Buffer.concat([begin, padded, ...parts]));
  return path;
}
