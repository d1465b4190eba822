import { chunk, header, pixels, png } from "../build/others.ts";
import { mutateBytes, mutateJson, NUMBERS, TEXTS } from "../mutate.ts";
import type { Random } from "../random.ts";

type Maker = (random: Random) => Buffer;

const SHA = "0123456789abcdef0123456789abcdef01234567";
const DIGEST = SHA.slice(0, 32).repeat(2);

const LISTING = {
  ...{ id: "org/CASE", sha: SHA, private: false, gated: false, tags: ["text-to-image"] },
  siblings: [
    { rfilename: "model_index.json", size: 100, blobId: SHA },
    { rfilename: "unet/config.json", size: 100, blobId: SHA },
    {
      ...{ rfilename: "unet/diffusion_pytorch_model.safetensors", size: 9, blobId: SHA },
      lfs: { sha256: DIGEST, size: 9, pointerSize: 130 },
    },
  ],
};

const TREE = [
  { type: "file", oid: SHA, size: 100, path: "model_index.json" },
  { type: "directory", oid: SHA, size: 0, path: "unet" },
  { type: "file", oid: SHA, size: 9, path: "unet/a.safetensors", lfs: { oid: DIGEST, size: 9, pointerSize: 130 } },
];

const PROMPTS = [
  "a (fox:1.3) with [[two]] ((tails)), \\(not\\) a cat BREAK on (a [teal:0.5] background:0.9)",
  "(((a:1.1) b:2) c",
  "a BREAK BREAK b [c (d] e) : f",
];

/** What a picture's text says of how it was made, by everything that the program and others write. */
const SETTINGS: Readonly<Record<string, string>> = {
  ...{ Steps: "20", Sampler: "pndm", "CFG scale": "7.5", Seed: "1", Size: "64x64", Model: "tiny", RNG: "CPU" },
  ...{ "Denoising strength": "0.8", "Clip skip": "2", "CFG rescale": "0.5", Eta: "0.3", VAE: "v", "VAE Decoder": "t" },
  ...{ Timesteps: "900, 500, 100", Sigmas: "ays", "Timestep selection": "quad", "Original size": "64x64" },
  ...{ Refiner: "r", "Refiner switch at": "0.8", "Lora 0": "style.safetensors:0.8:text=0", "Lora 1": "b.pt:unet=1" },
  ...{ "Embedding 0": "toy=toy.pt", "Prompt weights": "on", "Batch size": "4", "Batch pos": "1" },
  ...{ "Batch prompts": '["a", "b"]', Precision: "int8", DeepCache: "uniform:3:0", Version: "deepcache 0.1.0" },
  "ControlNet 0":
    "Module: canny, Model: lines, Weight: 1, Guidance Start: 0, Guidance End: 1, Control Mode: ControlNet is more important",
};

const makeLike: Maker = (random) => {
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => {
    if (random.chance(0.5)) return [];
    const written = random.chance(0.2) ? changedText(value, random) : value;
    return [`${name}: ${/[,:"\\]/.test(written) ? JSON.stringify(written) : written}`];
  });
  const text = `a fox\nNegative prompt: a dog\n${settings.join(", ")}`;
  const written = Buffer.from(random.chance(0.3) ? mutateBytes(Buffer.from(text), random) : text);
  const entry = random.chance(0.5)
    ? chunk("tEXt", Buffer.concat([Buffer.from("parameters\0"), written]))
    : chunk("iTXt", Buffer.concat([Buffer.from("parameters\0\0\0\0\0"), written]));
  const file = png(header(1, 1), entry, pixels(Buffer.alloc(4)));
  return random.chance(0.1) ? mutateBytes(file, random) : file;
};

const changedText = (text: string, random: Random): string =>
  random.pick([
    () => String(random.pick(NUMBERS)),
    () => random.pick(TEXTS),
    () => mutateBytes(Buffer.from(text), random).toString(),
    () => `${text}:${text}`,
    () => "",
  ])();

const FLOATS = Buffer.alloc(16).toString("base64");
const RUN = { sampler: "ddim", steps: 4, cache: { kind: "off" } };
const FOUND = { scores: [30, 31], evaluations: 4, fse: 4, ratio: 0.2 };
const GRAM = { evaluations: 2, products: [[1], [0.5, 1]] };
const TRIALS = [
  { key: "settings", value: "digest" },
  { key: "reference ddim:4", value: [FLOATS, FLOATS] },
  { key: JSON.stringify(RUN), value: FOUND },
  { key: JSON.stringify({ ...RUN, first: 2 }), value: FOUND },
  { key: JSON.stringify({ ...RUN, first: 2, features: true }), value: { ...FOUND, gram: GRAM } },
];

const makeTrials: Maker = (random) => {
  const lines = TRIALS.map((line) => JSON.stringify(random.chance(0.4) ? mutateJson(line, random) : line));
  const bytes = Buffer.from(`${lines.join("\n")}\n`);
  return random.chance(0.2) ? mutateBytes(bytes, random) : bytes;
};

const JOB = {
  ...{ model: "tiny", owner: "everybody", priority: 0, preferences: { promptWeights: true } },
  options: {
    ...{ prompt: "a fox", steps: 2, seed: 1, width: 64, height: 64, sampler: "euler", cache: 2 },
    image: { width: 1, height: 1, data: { $bytes: "AAAA" } },
  },
  hires: { width: 128, height: 128, upscaler: "Latent", options: { steps: 2 } },
  variants: [{ cache: 2 }, { steps: 1 }],
};

const ORDER = {
  flags: { model: "tiny", steps: 2, policies: ["off"] },
  prompts: [{ text: "a fox", category: "animals" }],
  settings: {
    ...{ format: 1, version: "0.1.0", count: 2, batch: 1, seed: 0, rows: { count: 1, sha256: "x" }, metrics: ["psnr"] },
    ...{ policies: [{ name: "off", cache: { kind: "off" } }], options: {} },
  },
};

const json =
  (values: readonly unknown[]): Maker =>
  (random) => {
    const bytes = Buffer.from(JSON.stringify(mutateJson(random.pick(values), random)) ?? "null");
    return random.chance(0.1) ? mutateBytes(bytes, random) : bytes;
  };

/** What programs keep of their own, and what servers answer. */
export const STATES = {
  "hub-listing": json([LISTING]),
  "hub-tree": json([TREE]),
  "prompt-weights": (random) => mutateBytes(Buffer.from(random.pick(PROMPTS)), random),
  like: makeLike,
  trials: makeTrials,
  measurement: json([{ gains: { int8: 1.5 } }]),
  "job-data": json([JOB]),
  "shard-order": json([ORDER]),
  "flags-file": json([
    {
      ...{
        steps: 5,
        "guidance-scale": 4,
        policies: ["off", "uniform:2:0"],
        width: 64,
        sampler: "ddim",
        "no-ema": true,
      },
      ...{ seed: [1, 2], model: "a", lora: "b.pt:1", timesteps: "900,100", device: "cpu", precision: "int8" },
    },
  ]),
  "models-file": json([{ photo: { path: "a", vae: "b", ema: true, controlnet: ["c", "d"] }, art: "./art" }]),
  "lora-settings": json([{ r: 2, lora_alpha: 4, alpha_pattern: { to_q: 2 }, use_rslora: true, peft_type: "LORA" }]),
} as const satisfies Readonly<Record<string, Maker>>;
