import { userComment } from "../../src/image/codecs/exif.ts";
import { joined } from "./build/bytes.ts";
import { CONFIGS, YAML } from "./configs.ts";
import { NETWORKS } from "./makers/networks.ts";
import { REQUESTS } from "./makers/requests.ts";
import { STATES } from "./makers/states.ts";
import { makeNpz, makePng, makeSafetensors, makeTorch } from "./makers.ts";
import { mutateBytes, mutateJson } from "./mutate.ts";
import { type Random, randomOf } from "./random.ts";
import { SEPARATOR } from "./reader.ts";

type Maker = (random: Random) => Buffer;

const changed =
  (texts: readonly string[]): Maker =>
  (random) =>
    mutateBytes(Buffer.from(random.pick(texts)), random);

const json =
  (values: readonly unknown[]): Maker =>
  (random) => {
    const bytes = Buffer.from(JSON.stringify(mutateJson(random.pick(values), random)) ?? "null");
    return random.chance(0.1) ? mutateBytes(bytes, random) : bytes;
  };

const PROMPTS = ["a fox\nb\n", "Prompt\tCategory\na\tb\n", '{"annotations":[{"image_id":1,"id":2,"caption":"a"}]}'];
const PARAMETERS =
  'a fox\nNegative prompt: x\nSteps: 20, Sampler: PNDM, CFG scale: 7.5, Seed: 1, DeepCache: "uniform:3:0", Size: 64x64';

/** A JPEG or WebP that ends before its pixels. */
const makeExif: Maker = (random) => {
  const exif = Buffer.from(userComment(PARAMETERS));
  const jpeg = joined(
    Buffer.from("\xff\xd8\xff\xe1", "latin1"),
    Buffer.from([0, exif.length + 8]),
    Buffer.from("Exif\0\0"),
    exif,
  );
  const webp = joined(Buffer.from("RIFF\0\0\0\0WEBPEXIF", "latin1"), Buffer.from([exif.length, 0, 0, 0]), exif);
  return mutateBytes(random.pick([jpeg, webp]), random);
};

/** The parts of an evaluation's folder, of which any may be wrong. */
const makeEvaluation: Maker = (random) => {
  const policies = [
    { name: "off", cache: { kind: "off" } },
    { name: "uniform:2:0", cache: { kind: "uniform", interval: 2, branch: 0 } },
  ];
  const counts = { format: 1, version: "0.1.0", count: 2, batch: 1, seed: 0, rows: { count: 1, sha256: "x" } };
  const settings = { ...counts, policies, metrics: ["psnr"], options: {}, shard: { index: 1, of: 1 } };
  const order = [
    [0, "off"],
    [0, "uniform:2:0"],
    [1, "off"],
    [1, "uniform:2:0"],
  ] as const;
  const result = ([index, policy]: (typeof order)[number]) => ({
    ...{ index, prompt: "a", seed: index, policy, macs: 1, fse: 1, metrics: { psnr: 30 } },
  });
  const timing = ([batch, policy]: (typeof order)[number]) => ({
    ...{ batch, policy, images: 1, sampler: "pndm", steps: 5, full: [0] },
    ...{ seconds: { total: 1, denoise: 1 }, evaluationSeconds: [1] },
  });
  const maybe = (value: unknown): unknown => (random.chance(0.4) ? mutateJson(value, random) : value);
  const lines = (value: unknown): string =>
    Array.isArray(value) ? value.map((line) => `${JSON.stringify(line)}\n`).join("") : (JSON.stringify(value) ?? "");
  const parts = [JSON.stringify(maybe(settings)), lines(maybe(order.map(result))), lines(maybe(order.map(timing)))];
  const bytes = Buffer.from(parts.join(SEPARATOR));
  return random.chance(0.2) ? mutateBytes(bytes, random) : bytes;
};

/** What each reader is given. */
const MAKERS = {
  safetensors: makeSafetensors,
  torch: makeTorch,
  convert: makeTorch,
  checkpoint: (random: Random) => random.pick([makeSafetensors, makeTorch])(random),
  npz: makeNpz,
  png: makePng,
  exif: makeExif,
  prompts: changed(PROMPTS),
  parameters: changed([PARAMETERS]),
  "policy-text": changed(["interval=5, branch=0, mode=uniform", "uniform:3:0", "centered:3:1:1.4:0", "full:0/10:0"]),
  evaluation: makeEvaluation,
  ...mapped(YAML, (text) => changed([text])),
  ...mapped(CONFIGS, (values) => json(values)),
  ...NETWORKS,
  ...STATES,
  ...REQUESTS,
} as const satisfies Readonly<Record<string, Maker>>;

/** The name of something that reads files. */
export type ReaderName = keyof typeof MAKERS;

export const READER_NAMES = Object.keys(MAKERS) as readonly ReaderName[];

/** The file of a case: the same for the same seed, reader and number. */
export const makeCase = (seed: number, reader: ReaderName, number: number): Buffer =>
  MAKERS[reader](randomOf(seed, READER_NAMES.indexOf(reader), number));

function mapped<T extends Readonly<Record<string, unknown>>>(
  table: T,
  make: (value: T[keyof T]) => Maker,
): Record<keyof T, Maker> {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, make(value as T[keyof T])])) as Record<
    keyof T,
    Maker
  >;
}
