import { readFileSync, writeFileSync } from "node:fs";

interface Entry {
  readonly data_offsets: readonly [number, number];
}

/** Copies a safetensors file with its tensors under other names; those without one are left out. */
export function writeRenamed(from: string, to: string, rename: (name: string) => string | undefined): void {
  const bytes = readFileSync(from);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length)) as Record<string, Entry>;
  const kept: Buffer[] = [];
  let end = 0;
  const renamed = Object.entries(header).flatMap(([name, entry]) => {
    const other = name === "__metadata__" ? undefined : rename(name);
    if (other === undefined) return [];
    const data = bytes.subarray(8 + length + entry.data_offsets[0], 8 + length + entry.data_offsets[1]);
    kept.push(data);
    const begin = end;
    end += data.length;
    return [[other, { ...entry, data_offsets: [begin, end] }] as const];
  });
  const text = Buffer.from(JSON.stringify(Object.fromEntries(renamed)));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(to, Buffer.concat([size, text, ...kept]));
}
