import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { decodeElements } from "../../src/checkpoint/bytes/decode-elements.ts";
import { CheckpointError } from "../../src/checkpoint/errors.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors/encode-safetensors.ts";
import { readSafetensors } from "../../src/checkpoint/safetensors/safetensors.ts";
import { elementCount, type Tensor } from "../../src/tensor/tensor.ts";
import { concatenate, safetensorsBytes } from "./files.ts";

const read = (bytes: Uint8Array) => readSafetensors(memorySource(bytes, "x.safetensors"));
const f32 = (shape: unknown, begin: unknown, end: unknown) => ({ dtype: "F32", shape, data_offsets: [begin, end] });

test("readSafetensors() describes tensors by type, shape and absolute span", async () => {
  const bytes = safetensorsBytes({ __metadata__: { format: "pt" }, b: f32([2, 1], 4, 12), a: f32([], 0, 4) }, 12);
  const source = memorySource(bytes, "x.safetensors");
  const { weights, metadata } = await readSafetensors(source);
  const data = bytes.length - 12;
  expect(metadata).toEqual({ format: "pt" });
  expect(weights.get("a")).toEqual({
    dtype: "F32",
    shape: [],
    span: { source, offset: data, length: 4 },
  });
  expect(weights.get("b")?.span).toEqual({ source, offset: data + 4, length: 8 });
});

test("readSafetensors() accepts an empty file, empty tensors and a padded header", async () => {
  expect((await read(safetensorsBytes({}))).weights.size).toBe(0);
  const header = `${JSON.stringify({ a: f32([0, 3], 4, 4), b: f32([1], 0, 4), c: f32([0], 0, 0) })}      `;
  expect((await read(safetensorsBytes(header, 4))).weights.size).toBe(3);
});

const HOSTILE: Readonly<Record<string, readonly [bytes: Uint8Array, message: string]>> = {
  "an empty file": [
    new Uint8Array(),
    'Cannot read "x.safetensors": a safetensors file has at least 8 bytes, this one has 0',
  ],
  "a header beyond the file": [
    safetensorsBytes({}).with(0, 3),
    'Cannot read "x.safetensors": its header says 3 bytes, the file has 2 left (not a safetensors file, or a truncated one)',
  ],
  "a header of 2^64 - 1 bytes": [
    new Uint8Array(16).fill(255),
    'Cannot read "x.safetensors": its header says 18446744073709551615 bytes, the file has 8 left (not a safetensors file, or a truncated one)',
  ],
  "a header that is not text": [
    concatenate([safetensorsBytes("").with(0, 2), new Uint8Array([0xff, 0xfe])]),
    'Cannot read the header of "x.safetensors": it is not UTF-8 text',
  ],
  "a header that is not JSON": [safetensorsBytes('{"a":'), 'Cannot read the header of "x.safetensors": it is not JSON'],
  "a header that nests deeply": [
    safetensorsBytes("[".repeat(200_000) + "]".repeat(200_000)),
    'Cannot read the header of "x.safetensors": it is JSON of 200000 brackets inside one another, at most 200 are read',
  ],
  "a header that is not an object": [
    safetensorsBytes([]),
    'Cannot read the header of "x.safetensors": it is not a JSON object',
  ],
  "more tensors than any model": [
    safetensorsBytes(`{${Array.from({ length: 200_001 }, (_, i) => `"${i}":0`).join()}}`),
    'Cannot read the header of "x.safetensors": it names 200001 tensors, at most 200000 are read',
  ],
  "a header that would fill the memory": [
    safetensorsBytes(`{"a":[${"{},".repeat(2_000_000)}0]}`),
    'Cannot read the header of "x.safetensors": it is JSON of 6000005 marks, at most 4000000 are read',
  ],
  "metadata that is not text": [
    safetensorsBytes({ __metadata__: { format: 1 } }),
    'Cannot read the header of "x.safetensors": its __metadata__ is not an object of strings',
  ],
  "an entry that is not an object": [
    safetensorsBytes({ a: 1 }),
    'Cannot read tensor "a" of "x.safetensors": its entry is not a JSON object',
  ],
  "an unknown dtype": [
    safetensorsBytes({ a: { ...f32([1], 0, 4), dtype: "F4" } }, 4),
    'Cannot read tensor "a" of "x.safetensors": its dtype is "F4", known are F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U8, BOOL',
  ],
  "a dtype that every object has": [
    safetensorsBytes({ a: { ...f32([1], 0, 4), dtype: "constructor" } }, 4),
    'Cannot read tensor "a" of "x.safetensors": its dtype is "constructor", known are F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U8, BOOL',
  ],
  "a name of a megabyte, quoted in part": [
    safetensorsBytes({ ["\u001b[31m".repeat(200_000)]: 1 }),
    `Cannot read tensor "${"\\u001b[31m".repeat(20).slice(0, 199)}… of "x.safetensors": its entry is not a JSON object`,
  ],
  "a dtype that nests deeply": [
    safetensorsBytes(`{"a":{"dtype":${"[".repeat(200_000)}${"]".repeat(200_000)}}}`),
    'Cannot read the header of "x.safetensors": it is JSON of 200002 brackets inside one another, at most 200 are read',
  ],
  "a shape that is not a list": [
    safetensorsBytes({ a: f32(4, 0, 4) }, 4),
    'Cannot read tensor "a" of "x.safetensors": its shape is 4, not a list',
  ],
  "a negative dimension": [
    safetensorsBytes({ a: f32([-1, -1], 0, 4) }, 4),
    'Cannot read tensor "a" of "x.safetensors": dimension 0 of its shape is -1, not a whole number from 0 up',
  ],
  "a fractional dimension": [
    safetensorsBytes({ a: f32([2, 0.5], 0, 4) }, 4),
    'Cannot read tensor "a" of "x.safetensors": dimension 1 of its shape is 0.5, not a whole number from 0 up',
  ],
  "a dimension beyond exact integers": [
    safetensorsBytes('{"a":{"dtype":"F32","shape":[1e300],"data_offsets":[0,4]}}', 4),
    'Cannot read tensor "a" of "x.safetensors": dimension 0 of its shape is 1e+300, not a whole number from 0 up',
  ],
  "an overflowing product of dimensions": [
    safetensorsBytes({ a: f32([2 ** 40, 2 ** 40, 0], 0, 0) }),
    'Cannot read tensor "a" of "x.safetensors": its shape [1099511627776, 1099511627776, 0] has more elements than any file',
  ],
  "too many dimensions": [
    safetensorsBytes({ a: f32(Array(1000).fill(1), 0, 4) }, 4),
    'Cannot read tensor "a" of "x.safetensors": its shape has 1000 dimensions, at most 16 are read',
  ],
  "offsets that descend": [
    safetensorsBytes({ a: f32([1], 4, 0) }, 4),
    'Cannot read tensor "a" of "x.safetensors": its data_offsets are [4,0], not two ascending whole numbers',
  ],
  "missing offsets": [
    safetensorsBytes({ a: { dtype: "F32", shape: [1] } }, 4),
    'Cannot read tensor "a" of "x.safetensors": its data_offsets are missing, not two ascending whole numbers',
  ],
  "offsets outside the data": [
    safetensorsBytes({ a: f32([2], 0, 8) }, 4),
    'Cannot read tensor "a" of "x.safetensors": its data_offsets [0, 8] leave the data section of 4 bytes',
  ],
  "a shape that lies about the length": [
    safetensorsBytes({ a: f32([3], 0, 8) }, 8),
    'Cannot read tensor "a" of "x.safetensors": F32 [3] takes 12 bytes, its data_offsets span 8',
  ],
  "overlapping tensors": [
    safetensorsBytes({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12),
    'Cannot read "x.safetensors": tensors "a" and "b" overlap',
  ],
  "two tensors in one place": [
    safetensorsBytes({ a: f32([2], 0, 8), b: f32([2], 0, 8) }, 8),
    'Cannot read "x.safetensors": tensors "a" and "b" overlap',
  ],
  "a hole between tensors": [
    safetensorsBytes({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12),
    'Cannot read "x.safetensors": bytes 4 to 8 of its data belong to no tensor',
  ],
  "trailing bytes": [
    safetensorsBytes({ a: f32([1], 0, 4) }, 5),
    'Cannot read "x.safetensors": its tensors take 4 bytes, its data has 5',
  ],
  "a name that is written twice": [
    safetensorsBytes(
      '{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
    ),
    'Cannot read the header of "x.safetensors": it names a tensor twice',
  ],
};

describe("readSafetensors() refuses", () => {
  test.each(Object.entries(HOSTILE))("%s", async (_, [bytes, message]) => {
    const failure = await read(bytes).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CheckpointError);
    expect((failure as Error).message).toBe(message);
  });

  test("a header above the limit, without reading it", async () => {
    const source = {
      ...memorySource(new Uint8Array([0, 0, 0, 0, 1, 0, 0, 0]), "x.safetensors"),
      size: 2 ** 33,
    };
    await expect(readSafetensors(source)).rejects.toThrow(
      'Cannot read "x.safetensors": its header has 4294967296 bytes, at most 100000000 are read',
    );
  });
});

const anyTensor: fc.Arbitrary<Tensor> = fc
  .array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })
  .chain((shape) =>
    fc
      .float32Array({ minLength: elementCount(shape), maxLength: elementCount(shape) })
      .map((data) => ({ data, shape })),
  );
const anyTensors = fc.dictionary(fc.string({ unit: "binary" }), anyTensor, { maxKeys: 6 });

test("encodeSafetensors() is undone by readSafetensors()", async () => {
  await fc.assert(
    fc.asyncProperty(anyTensors, fc.dictionary(fc.string(), fc.string()), async (tensors, metadata) => {
      const bytes = concatenate(encodeSafetensors(tensors, metadata));
      const found = await read(bytes);
      expect(found.metadata).toEqual(metadata);
      expect(found.weights.size).toBe(Object.keys(tensors).length);
      for (const [name, { dtype, shape, span }] of found.weights) {
        const data = decodeElements(bytes.slice(span.offset, span.offset + span.length), dtype);
        expect({ shape, data }).toEqual({ shape: tensors[name]?.shape, data: tensors[name]?.data });
      }
    }),
  );
});

const expectsOnlyCheckpointErrors = async (bytes: Uint8Array): Promise<void> => {
  try {
    const { weights } = await read(bytes);
    for (const { span } of weights.values()) expect(span.offset + span.length).toBeLessThanOrEqual(bytes.length);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
  }
};

test("readSafetensors() fails only with CheckpointError on random bytes", async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), expectsOnlyCheckpointErrors));
  await fc.assert(fc.asyncProperty(fc.string(), async (text) => expectsOnlyCheckpointErrors(safetensorsBytes(text))));
  await fc.assert(fc.asyncProperty(fc.json(), async (json) => expectsOnlyCheckpointErrors(safetensorsBytes(json, 8))));
});

test("readSafetensors() fails only with CheckpointError on a header with a byte changed", async () => {
  const header = { a: f32([2, 3], 0, 24), b: f32([1], 24, 28), __metadata__: { k: "v" } };
  const whole = safetensorsBytes(header, 28);
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: whole.length - 29 }), fc.integer({ min: 0, max: 255 }), async (position, byte) =>
      expectsOnlyCheckpointErrors(whole.with(position, byte)),
    ),
    { numRuns: 1000 },
  );
});

test("encodeSafetensors() refuses a tensor that is not its shape, and the name of the metadata", () => {
  expect(() => encodeSafetensors({ a: { data: new Float32Array(3), shape: [2] } })).toThrow(
    new RangeError('Cannot write tensor "a": [2] does not have 3 values'),
  );
  expect(() => encodeSafetensors({ __metadata__: { data: new Float32Array(), shape: [0] } })).toThrow(RangeError);
});
