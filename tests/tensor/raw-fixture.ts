import { readFileSync } from "node:fs";
import { fixturePath } from "../support/fixtures.ts";

export interface RawEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly buffer: ArrayBuffer;
}

/** Every tensor of a safetensors fixture with its bytes as stored, for element types that float32 would round. */
export function readRawFixture(name: string): ReadonlyMap<string, RawEntry> {
  const bytes = readFileSync(fixturePath(name));
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, start)) as Record<string, unknown>;
  const entries = Object.entries(header).filter(([key]) => key !== "__metadata__");
  return new Map(
    entries.map(([key, value]) => {
      const { dtype, shape, data_offsets } = value as {
        dtype: string;
        shape: number[];
        data_offsets: [number, number];
      };
      const part = bytes.subarray(start + data_offsets[0], start + data_offsets[1]);
      return [key, { dtype, shape, buffer: new Uint8Array(part).buffer }];
    }),
  );
}
