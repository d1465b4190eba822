import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { CheckpointError } from "../../src/checkpoint/errors.ts";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { readTensor } from "../../src/checkpoint/read-tensor.ts";
import { readSafetensors } from "../../src/checkpoint/safetensors/safetensors.ts";
import { readTorchFile } from "../../src/checkpoint/torch/torch-file.ts";
import { fixturePath } from "../support/fixtures.ts";
import { concatenate, safetensorsBytes, temporaryFolder } from "./files.ts";
import {
  type PickleParts,
  pickle,
  storage,
  tensorPickle,
  text,
  torchLegacy,
  torchZip,
  u64,
  uint32,
  zip,
} from "./torch-files.ts";

const open = (name: string) => fileSource(fixturePath(name));
const read = (bytes: Uint8Array) => readTorchFile(memorySource(bytes, "x.ckpt"));

describe.each(["zip.pt", "legacy.pt"])("readTorchFile() of %s", (name) => {
  test("finds every tensor that lies in order where torch reads it", async () => {
    const { weights, strided } = await readTorchFile(await open(`original/pickle/${name}`));
    const expected = await readSafetensors(await open("original/pickle/expected.safetensors"));
    expect([...weights.keys(), ...strided.keys()].sort()).toEqual([...expected.weights.keys()].sort());
    for (const [tensor, weight] of weights) {
      const reference = expected.weights.get(tensor)!;
      expect(weight.dtype).toBe(reference.dtype);
      expect(await readTensor(weight), tensor).toEqual(await readTensor(reference));
    }
  });

  test("sets apart what is not in row-major order", async () => {
    const { strided } = await readTorchFile(await open(`original/pickle/${name}`));
    expect([...strided.keys()].sort()).toEqual(["columns", "expanded", "transposed"]);
    expect(strided.get("transposed")).toEqual({ shape: [5, 6], strides: [1, 5] });
  });

  test("keeps what the trainer noted", async () => {
    const { metadata } = await readTorchFile(await open(`original/pickle/${name}`));
    expect(metadata).toEqual({ epoch: "7", global_step: "470000", lr: "0.0001", name: "café" });
  });
});

test("readTorchFile() passes over Lightning's own classes without needing them", async () => {
  const { weights } = await readTorchFile(await open("original/pickle/lightning.pt"));
  const expected = await readSafetensors(await open("original/pickle/expected.safetensors"));
  expect([...weights.keys()]).toEqual(["f32"]);
  expect(await readTensor(weights.get("f32")!)).toEqual(await readTensor(expected.weights.get("f32")!));
});

test.each([
  ["original/ddpm-cifar/ckpt.pth", 206, "conv_in.weight"],
  ["original/ldm/model.ckpt", 368, "model.diffusion_model.out.2.weight"],
  ["original/single/model.safetensors", 959, "cond_stage_model.transformer.text_model.embeddings.position_ids"],
])("readCheckpoint() recognises %s", async (name, count, key) => {
  const { weights } = await readCheckpoint(await open(name));
  expect(weights.size).toBe(count);
  expect(weights.has(key)).toBe(true);
});

test("openComponent() reads a pickle of a diffusers folder in place", async () => {
  const { weights } = await openComponent(fixturePath("models/unet-bin"));
  expect(weights.size).toBe(304);
  const bias = await readTensor(weights.get("conv_norm_out.weight")!);
  expect(bias.data.every((value) => Number.isFinite(value) && Math.abs(value) < 10)).toBe(true);
});

test("readCheckpoint() refuses a tensor that no span describes, and says how to help", async () => {
  await expect(readCheckpoint(await open("original/pickle/zip.pt"))).rejects.toThrow(
    /^Cannot use tensor "transposed" of ".*zip\.pt" in place: its sizes \[5, 6\] have the strides \[1, 5\]; save it contiguous, best as safetensors$/,
  );
});

test("readCheckpoint() takes a safetensors file for what it is, whatever its name", async () => {
  const bytes = safetensorsBytes(
    { a: { dtype: "U8", shape: [1], data_offsets: [0, 1] }, __metadata__: { pad: "x".repeat(561) } },
    1,
  );
  expect([bytes[0], bytes[1]]).toEqual([0x80, 0x02]); // how a pickle begins
  expect((await readCheckpoint(memorySource(bytes, "model.ckpt"))).weights.size).toBe(1);
});

test("readTorchFile() reads archives in 64-bit form", async () => {
  const bytes = torchZip(tensorPickle(), [storage("0", 8)], { wide: true });
  const { weights } = await read(bytes);
  const { span } = weights.get("w")!;
  expect([...bytes.subarray(span.offset, span.offset + span.length)]).toEqual(Array(8).fill(7));
});

test("readTorchFile() reads the forms in which Python 2 and protocol 4 write the same", async () => {
  const tensor = tensorPickle().subarray(6, -2); // between the key and the end
  const state = [text("state_dict"), pickle("ccollections\nOrderedDict\n(((U", 1, "w"), tensor, pickle("lltRs")];
  const bytes = concatenate([pickle(0x80, 4, 0x95, u64(0), "}", 0x94), ...state, pickle(".")]);
  expect([...(await read(torchZip(bytes, [storage("0", 8)]))).weights.keys()]).toEqual(["w"]);
});

const python = (...parts: PickleParts): Uint8Array => torchZip(pickle(0x80, 2, ...parts));
const TENSOR_ENTRY = storage("0", 8);

const HOSTILE: Readonly<Record<string, readonly [bytes: Uint8Array, message: string]>> = {
  "a call of os.system": [
    python("cos\nsystem\n(X", uint32(2), "idtR."),
    'Cannot read "x.ckpt": its pickle names "os.system", which is not among what a checkpoint may name',
  ],
  "a call of os.system that is not even in torch's container": [
    pickle("cposix\nsystem\n(X", uint32(2), "idtR."),
    'Cannot read "x.ckpt": its pickle names "posix.system", which is not among what a checkpoint may name',
  ],
  "eval by protocol 4": [
    torchZip(concatenate([pickle(0x80, 4), text("builtins"), text("eval"), pickle(0x93, ".")])),
    'Cannot read "x.ckpt": its pickle names "builtins.eval", which is not among what a checkpoint may name',
  ],
  "a path through a harmless module": [
    torchZip(concatenate([pickle(0x80, 4), text("omegaconf"), text("os.system"), pickle(0x93, ".")])),
    'Cannot read "x.ckpt": its pickle names "omegaconf.os.system", which is not among what a checkpoint may name',
  ],
  "a loader of further pickles": [
    python("ctorch.storage\n_load_from_bytes\n."),
    'Cannot read "x.ckpt": its pickle names "torch.storage._load_from_bytes", which is not among what a checkpoint may name',
  ],
  "a whole network": [
    python("ctorch.nn.modules.conv\nConv2d\n)\x81."),
    'Cannot read "x.ckpt": its pickle names "torch.nn.modules.conv.Conv2d", which is not among what a checkpoint may name',
  ],
  "a name that every object has": [
    python("cconstructor\nname\n."),
    'Cannot read "x.ckpt": its pickle names "constructor.name", which is not among what a checkpoint may name',
  ],
  "a call of text": [
    python("X", uint32(0), ")R."),
    'Cannot read "x.ckpt": its pickle calls something that is no function',
  ],
  "a call of a storage": [
    python("ctorch\nFloatStorage\n)R."),
    'Cannot read "x.ckpt": its pickle calls something that is no function',
  ],
  "a call without arguments": [
    python("ccollections\nOrderedDict\nNR."),
    'Cannot read the pickle of "x.ckpt": it calls something without a list of arguments',
  ],
  "a dictionary of no pairs": [
    python("ccollections\nOrderedDict\n]N\x85aR."),
    'Cannot read "x.ckpt": its pickle builds a dictionary from something that is no list of pairs',
  ],
  "calls that multiply a long list": [
    python(
      "NN\x86q\x01](",
      "h\x01".repeat(5000),
      "eq\x02",
      "ccollections\nOrderedDict\nq\x03",
      "h\x03h\x02\x85R0".repeat(1000),
      ".",
    ),
    'Cannot read the pickle of "x.ckpt": it takes more than 2000000 steps',
  ],
  "more steps than any checkpoint": [
    python("N0".repeat(1_000_001), "."),
    'Cannot read the pickle of "x.ckpt": it takes more than 2000000 steps',
  ],
  "two hundred thousand dictionaries": [
    python("}".repeat(200_000), "."),
    'Cannot read the pickle of "x.ckpt": it takes more than 2000000 steps',
  ],
  "a value that doubles a thousand times": [
    python("N", "2\x86".repeat(1000), "."),
    'Cannot read "x.ckpt": neither its top level nor its "state_dict" holds tensors by name (it is a list of 2)',
  ],
  "a million lists inside each other": [
    python("N", "\x85".repeat(1_000_000), "."),
    'Cannot read "x.ckpt": neither its top level nor its "state_dict" holds tensors by name (it is a list of 1)',
  ],
  "a number of four gigabytes": [
    python(0x8b, uint32(0xffffffff), "."),
    'Cannot read the pickle of "x.ckpt": it holds a whole number of 4294967295 bytes, at most 1024 are read',
  ],
  "text longer than the file": [
    python("X", uint32(0xffffffff), "."),
    'Cannot read the pickle of "x.ckpt": it ends early',
  ],
  "text longer than exact integers": [
    python(0x8d, u64(2 ** 60), "."),
    'Cannot read the pickle of "x.ckpt": it counts to 1152921504606846976, more than any file holds',
  ],
  "a global without an end": [python("cos"), 'Cannot read the pickle of "x.ckpt": it ends early'],
  "an unknown opcode": [python("\xff"), 'Cannot read the pickle of "x.ckpt": it has the unknown opcode 0xff'],
  "an empty stack": [python("."), 'Cannot read the pickle of "x.ckpt": its stack is empty'],
  "a mark taken for a value": [python("(."), 'Cannot read the pickle of "x.ckpt": its stack is empty'],
  "a missing mark": [python("Nt."), 'Cannot read the pickle of "x.ckpt": its stack has no mark'],
  "a value that was never stored": [
    python("h\x05."),
    'Cannot read the pickle of "x.ckpt": it recalls value 5, which it has not stored',
  ],
  "items of a number": [
    python("K\x01NNs."),
    'Cannot read the pickle of "x.ckpt": it sets items of something that has none',
  ],
  "something appended to a number": [
    python("K\x01Na."),
    'Cannot read the pickle of "x.ckpt": it appends to something that is no list',
  ],
  "a dictionary of numbers": [
    python("}X", uint32(1), "aK\x01s."),
    'Cannot read "x.ckpt": neither its top level nor its "state_dict" holds tensors by name (it holds "a")',
  ],
  "a tensor of a forged storage": [
    python("ctorch._utils\n_rebuild_tensor_v2\n(NK\x00))tR."),
    'Cannot read "x.ckpt": its pickle builds a tensor from something else than a storage, an offset, sizes and strides',
  ],
  "outside data that is no storage": [
    python("X", uint32(3), "/et", "Q."),
    'Cannot read "x.ckpt": its pickle names data outside of it that is no storage of numbers',
  ],
  "a tensor beyond its storage": [
    torchZip(tensorPickle({ shape: [3] }), [TENSOR_ENTRY]),
    'Cannot read "x.ckpt": a tensor of sizes [3], strides [1] and offset 0 leaves storage "0" of 2 elements',
  ],
  "an offset beyond the storage": [
    torchZip(tensorPickle({ offset: 1 }), [TENSOR_ENTRY]),
    'Cannot read "x.ckpt": a tensor of sizes [2], strides [1] and offset 1 leaves storage "0" of 2 elements',
  ],
  "a negative stride": [
    torchZip(tensorPickle({ strides: [-1] }), [TENSOR_ENTRY]),
    'Cannot read "x.ckpt": its pickle builds a tensor from something else than a storage, an offset, sizes and strides',
  ],
  "a stride too few": [
    torchZip(tensorPickle({ shape: [1, 1] }), [TENSOR_ENTRY]),
    'Cannot read "x.ckpt": a tensor of sizes [1, 1], strides [1] and offset 0 leaves storage "0" of 2 elements',
  ],
  "a thousand dimensions": [
    torchZip(tensorPickle({ shape: Array(1000).fill(1), strides: Array(1000).fill(1) }), [TENSOR_ENTRY]),
    'Cannot read "x.ckpt": its pickle builds a tensor from something else than a storage, an offset, sizes and strides',
  ],
  "a missing storage": [
    torchZip(tensorPickle()),
    'Cannot read "x.ckpt": its storage "0" is missing, 2 elements of F32 take 8',
  ],
  "a storage of another length": [
    torchZip(tensorPickle(), [storage("0", 4)]),
    'Cannot read "x.ckpt": its storage "0" is 4 bytes long, 2 elements of F32 take 8',
  ],
  "a storage key that climbs": [
    torchZip(tensorPickle({ key: "../../0" }), [TENSOR_ENTRY]),
    'Cannot read "x.ckpt": its storage "../../0" is missing, 2 elements of F32 take 8',
  ],
  "an entry that lies about its size": [
    torchZip(tensorPickle(), [{ ...storage("0", 4), size: 8 }, storage("1", 8)]),
    'Cannot read "x.ckpt": its entry "archive/data/0" says 8 bytes, there are 4',
  ],
  "a last entry that reaches into the directory": [
    torchZip(tensorPickle(), [{ ...storage("0", 4), size: 8 }]),
    'Cannot read "x.ckpt": its entry "archive/data/0" says 8 bytes, there are 4',
  ],
  "an entry compressed by bzip2": [
    torchZip(tensorPickle(), [{ ...TENSOR_ENTRY, method: 12 }]),
    'Cannot read "x.ckpt": its entry "archive/data/0" is compressed in a way that is not read',
  ],
  "an entry that says two sizes though it is not compressed": [
    torchZip(tensorPickle(), [{ ...TENSOR_ENTRY, packed: 4 }]),
    'Cannot read "x.ckpt": its entry "archive/data/0" is compressed in a way that is not read',
  ],
  "a compressed pickle that is no such thing": [
    torchZip(tensorPickle(), [], { pickleMethod: 8 }),
    'Cannot read "x.ckpt": its entry "archive/data.pkl" cannot be unpacked',
  ],
  "a compressed pickle that unpacks to more than it says": [
    zip([{ name: "archive/data.pkl", data: deflateRawSync(new Uint8Array(2 ** 24)), size: 1000, method: 8 }]),
    'Cannot read "x.ckpt": its entry "archive/data.pkl" says 1000 bytes and unpacks to more',
  ],
  "a compressed pickle that unpacks to less than it says": [
    zip([{ name: "archive/data.pkl", data: deflateRawSync(tensorPickle()), size: 1000, method: 8 }]),
    `Cannot read "x.ckpt": its entry "archive/data.pkl" says 1000 bytes and unpacks to ${tensorPickle().length}`,
  ],
  "two entries at one place": [
    torchZip(tensorPickle(), [
      { ...storage("9", 8), at: 0 },
      { ...TENSOR_ENTRY, at: 0 },
    ]),
    `Cannot read "x.ckpt": its entry "archive/data.pkl" says ${tensorPickle().length} bytes, there are 0`,
  ],
  "an entry beyond the archive": [
    torchZip(tensorPickle(), [{ ...TENSOR_ENTRY, at: 2 ** 31 }]),
    'Cannot read 30 bytes at 2147483648 of "x.ckpt": it has 384 bytes',
  ],
  "an entry in the middle of another": [
    torchZip(tensorPickle(), [{ ...TENSOR_ENTRY, at: 60 }]),
    `Cannot read "x.ckpt": its entry "archive/data.pkl" says ${tensorPickle().length} bytes, there are 11`,
  ],
  "an encrypted entry": [
    torchZip(tensorPickle(), [{ ...TENSOR_ENTRY, flags: 1 }]),
    'Cannot read "x.ckpt": its entry "archive/data/0" is encrypted',
  ],
  "two entries of one name": [
    torchZip(tensorPickle(), [TENSOR_ENTRY, TENSOR_ENTRY]),
    'Cannot read "x.ckpt": its directory lists "archive/data/0" twice',
  ],
  "more entries than its directory has": [
    torchZip(tensorPickle(), [TENSOR_ENTRY], { entries: 3 }),
    'Cannot read the directory of "x.ckpt": it ends early',
  ],
  "more entries than any checkpoint": [
    torchZip(tensorPickle(), [TENSOR_ENTRY], { wide: true, entries: 1e9 }),
    'Cannot read "x.ckpt": its directory lists 1000000000 entries, at most 200100 are read',
  ],
  "a pickle of a gigabyte": [
    zip([{ name: "archive/data.pkl", data: pickle("."), size: 2 ** 30 }]),
    'Cannot read "x.ckpt": its entry "archive/data.pkl" has 1073741824 bytes, at most 33554432 are read',
  ],
  "a big-endian file": [
    torchZip(tensorPickle(), [TENSOR_ENTRY, { name: "archive/byteorder", data: pickle("big") }]),
    'Cannot read "x.ckpt": its byte order is "big", not "little"',
  ],
  "any other zip": [
    zip([{ name: "word/document.xml", data: pickle("<") }]),
    'Cannot read "x.ckpt": it is a zip archive, but none that torch.save wrote',
  ],
  "a zip cut off": [
    torchZip(tensorPickle(), [TENSOR_ENTRY]).slice(0, -1),
    'Cannot read "x.ckpt": it is a zip archive without its directory, so it has been truncated',
  ],
  "an empty file": [new Uint8Array(), 'Cannot read the pickle of "x.ckpt": it ends early'],
  "any other pickle": [
    pickle(0x80, 2, "K\x01."),
    'Cannot read "x.ckpt": it is a pickle, but none that torch.save wrote',
  ],
  "a legacy file whose storage is of another length": [
    torchLegacy(tensorPickle(), concatenate([pickle("]"), text("0"), pickle("a.")]), pickle(u64(3), Array(12).fill(0))),
    'Cannot read "x.ckpt": its storage "0" has 3 elements, its pickle says 2',
  ],
  "a legacy file cut off": [
    torchLegacy(tensorPickle(), concatenate([pickle("]"), text("0"), pickle("a.")]), pickle(u64(2), Array(7).fill(0))),
    'Cannot read "x.ckpt": it ends inside of storage "0", so it has been truncated',
  ],
  "a legacy file that lacks a storage": [
    torchLegacy(tensorPickle(), pickle("].")),
    'Cannot read "x.ckpt": its storage "0" is missing',
  ],
  "a legacy file that lists a storage of no tensor": [
    torchLegacy(pickle("}."), concatenate([pickle("]"), text("9"), pickle("a.")]), pickle(u64(0))),
    'Cannot read "x.ckpt": it keeps storage "9", which no tensor names',
  ],
};

describe("readTorchFile() refuses", () => {
  test.each(Object.entries(HOSTILE))("%s", async (_, [bytes, message]) => {
    const failure = await read(bytes).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CheckpointError);
    expect((failure as Error).message).toBe(message);
  });

  test("what is no torch file but has the name of one", async () => {
    const folder = temporaryFolder({ "model.bin": "just some text\n" });
    await expect(readCheckpoint(await fileSource(join(folder, "model.bin")))).rejects.toThrow(CheckpointError);
  });
});

const expectsOnlyCheckpointErrors = async (bytes: Uint8Array): Promise<void> => {
  try {
    const { weights } = await read(bytes);
    for (const { span } of weights.values()) expect(span.offset + span.length).toBeLessThanOrEqual(bytes.length);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
  }
};

describe.each(["zip.pt", "legacy.pt", "lightning.pt"])("readTorchFile() of a damaged %s", (name) => {
  const whole = new Uint8Array(readFileSync(fixturePath(`original/pickle/${name}`)));

  test("fails only with CheckpointError, wherever it is cut off", async () => {
    for (let length = 0; length < whole.length; length += 7) await expectsOnlyCheckpointErrors(whole.slice(0, length));
  });

  test("fails only with CheckpointError, whichever bytes are changed", async () => {
    const change = fc.tuple(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = whole.slice();
        for (const [position, byte] of changes) bytes[position] = byte;
        await expectsOnlyCheckpointErrors(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});

test("readTorchFile() fails only with CheckpointError on any program of known opcodes", async () => {
  const opcodes = [
    ..."N(012JKMGUTXBC]aelt)}suhjqrcRbQ.",
    "\x80",
    "\x81",
    "\x85",
    "\x86",
    "\x87",
    "\x88",
    "\x8c",
    "\x93",
    "\x94",
  ];
  const globals = [
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "ccollections\nOrderedDict\n",
    "ctorch\nSize\n",
    "ctorch\nFloatStorage\n",
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...opcodes, ...globals), { maxLength: 60 }), async (program) =>
      expectsOnlyCheckpointErrors(python(...program, ".")),
    ),
    { numRuns: 1000 },
  );
});
