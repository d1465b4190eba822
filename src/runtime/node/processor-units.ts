import { processorInfo } from "./processor-info.ts";

/** Flags of Linux by the names that people know; the others do nothing for networks. */
const UNITS: Readonly<Record<string, string>> = {
  avx2: "AVX2",
  avx512f: "AVX-512",
  avx_vnni: "VNNI",
  avx512_vnni: "VNNI",
  avx512_bf16: "bfloat16",
  amx_int8: "AMX int8",
  amx_bf16: "AMX bfloat16",
  asimd: "NEON",
  asimddp: "dot products",
  i8mm: "int8 products",
  bf16: "bfloat16",
  sve: "SVE",
};

/** The vector and tile units of the processor that networks gain from; null where the system does not say. */
export function processorUnits(info: string | undefined = processorInfo()): readonly string[] | null {
  const [, flags] = /^(?:flags|Features)\s*:(.*)$/m.exec(info ?? "") ?? [];
  if (flags === undefined) return null;
  const has = new Set(flags.trim().split(/\s+/));
  return [...new Set(Object.entries(UNITS).flatMap(([flag, name]) => (has.has(flag) ? [name] : [])))];
}
