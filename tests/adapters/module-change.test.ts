import { describe, expect, test } from "vitest";
import type { Role } from "../../src/adapters/lora/lora-tensors.ts";
import { moduleChange } from "../../src/adapters/lora/module-change.ts";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { safetensorsHeader } from "../../src/checkpoint/safetensors/encode-safetensors.ts";
import { readSafetensors } from "../../src/checkpoint/safetensors/safetensors.ts";
import type { Dtype } from "../../src/tensor/dtype.ts";

type Entry = readonly [role: Role, dtype: Dtype, shape: readonly number[], data: ArrayBufferView];

const floats = (role: Role, shape: readonly number[]): Entry => {
  const count = shape.reduce((product, size) => product * size, 1);
  return [role, "F32", shape, new Float32Array(count).fill(1)];
};

/** The change that a module of these tensors describes. */
async function change(...entries: readonly Entry[]) {
  const header = safetensorsHeader(
    entries.map(([role, dtype, shape, { byteLength }]) => [role, { dtype, shape, bytes: byteLength }]),
  );
  const data = entries.map(([, , , { buffer, byteOffset, byteLength }]) => Buffer.from(buffer, byteOffset, byteLength));
  const { weights } = await readSafetensors(memorySource(Buffer.concat([header, ...data]), "x"));
  const tensors = new Map(
    entries.flatMap(([role]) => {
      const weight = weights.get(role);
      return weight === undefined ? [] : [[role, weight] as const];
    }),
  );
  return await moduleChange({ name: "x", tensors });
}

describe("A module of a LoRA", () => {
  test.each([
    ["I64", BigInt64Array.of(3n)],
    ["I32", Int32Array.of(3)],
    ["U8", Uint8Array.of(3)],
    ["F32", Float32Array.of(3)],
  ] as const)("takes an alpha that was saved as %s", async (dtype, data) => {
    const found = await change(floats("up", [6, 2]), floats("down", [2, 8]), ["alpha", dtype, [], data]);
    expect(found).toMatchObject({ scale: 1.5 });
  });

  test("has no factors of whole numbers", async () => {
    const found = await change(floats("up", [6, 2]), ["down", "U8", [2, 8], new Uint8Array(16)]);
    expect(found).toBe("its down holds U8, one of F32, F16, BF16, F64 is required");
  });

  test("is told to be empty where it is, whatever its alpha", async () => {
    const found = await change(floats("up", [6, 0]), floats("down", [0, 8]), ["alpha", "F32", [], Float32Array.of(2)]);
    expect(found).toBe("its down [0,8] is empty");
  });
});
