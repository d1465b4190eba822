import { expect, test } from "vitest";
import { processorUnits } from "../../src/runtime/node/processor-units.ts";

test.each([
  [
    "flags\t\t: fpu avx avx2 avx512f avx512_vnni amx_int8 amx_bf16\nbugs\t: x",
    ["AVX2", "AVX-512", "VNNI", "AMX int8", "AMX bfloat16"],
  ],
  ["Features\t: fp asimd asimddp i8mm", ["NEON", "dot products", "int8 products"]],
  ["flags : avx_vnni avx512_vnni", ["VNNI"]],
  ["flags : fpu", []],
])("units of %j", (info, units) => {
  expect(processorUnits(info)).toEqual(units);
});

test("a system that does not say is told as such", () => {
  expect(processorUnits("processor : 0")).toBeNull();
});
