import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { joinPieces } from "../../src/checkpoint/bytes/join-pieces.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors/encode-safetensors.ts";
import { parseParameters } from "../../src/image/parameters.ts";
import { decodePng } from "../../src/image/png.ts";
import { ADAPTED_LATENTS } from "../support/assertions/tolerances.ts";
import { type CliRun, runCli } from "../support/cli.ts";
import { type FixtureFile, fixturePath, readFixture } from "../support/fixtures.ts";

const root = mkdtempSync(join(tmpdir(), "deepcache-adapters-"));
const home = process.cwd();
beforeAll(() => process.chdir(root));
afterAll(() => {
  process.chdir(home);
  rmSync(root, { recursive: true });
});

type Kind = "sd15" | "sdxl";
const file = (kind: Kind, name: string): string => fixturePath(`adapters/${kind}/${name}`);
const model = (kind: Kind): string[] => [
  ...["--model", fixturePath(`pipelines/${kind}/model`)],
  ...(kind === "sd15" ? ["--sampler", "ddim"] : []),
];

/** The flags of a stored run. */
function stored({ metadata }: FixtureFile): string[] {
  const call = JSON.parse(metadata["call"] ?? "{}");
  return [
    ...["--prompt", call.prompt, "--negative-prompt", call.negative_prompt, "--seed", metadata["seed"] ?? ""],
    ...["--steps", String(call.num_inference_steps), "--guidance-scale", String(call.guidance_scale)],
    ...["--width", String(call.width), "--height", String(call.height)],
  ];
}

async function latentsOf(...flags: string[]) {
  const run = await runCli("generate", ...flags, "--latents-output", "latents.safetensors", "-o", "made.png");
  expect(run).toMatchObject({ code: 0 });
  return readFixture(join(root, "latents.safetensors")).tensor("latents");
}

test("An embedding of more vectors than a prompt has places for is used as far as it goes, with a word of it", async () => {
  const vectors = { data: new Float32Array(200 * 16).fill(0.1), shape: [200, 16] };
  writeFileSync("many.safetensors", await joinPieces(encodeSafetensors({ vectors })));
  const run = await runCli(
    ...["generate", "toyx", ...model("sd15"), "--steps", "1", "-W", "64", "-H", "64", "--seed", "1"],
    ...["--embedding", "toyx=many.safetensors", "-o", "many.png"],
  );
  expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining("vectors of its embeddings have no effect") });
});

describe("generate --lora", () => {
  const cases = (["sd15", "sdxl"] as const).flatMap((kind) => {
    const { names } = readFixture(`adapters/${kind}/lora.safetensors`);
    return names.map((name) => [kind, name] as const);
  });

  test.each(cases)("ends where the reference ends: %s, %s", async (kind, name) => {
    const golden = readFixture(`adapters/${kind}/lora.safetensors`);
    const [, interval, branch] = /\.n(\d+)\.b(\d+)$/.exec(name) ?? [];
    const cache = interval === undefined || branch === undefined ? [] : ["--interval", interval, "--branch", branch];
    const only = `${name.replace(/\..*/, "")}.safetensors:${golden.metadata["scale"]}`;
    const files = name.includes("+")
      ? ["kohya.safetensors:0.7", "peft.safetensors:0.4"]
      : name === "base"
        ? []
        : [only];
    const loras = files.flatMap((text) => ["--lora", file(kind, text)]);
    const latents = await latentsOf(...model(kind), ...stored(golden), ...loras, ...cache);
    expect(latents).toBeCloseTensor(golden.tensor(name), ADAPTED_LATENTS);
  });

  test("changes the networks of a low-memory run as well, at every evaluation", async () => {
    const golden = readFixture("adapters/sd15/lora.safetensors");
    const lora = ["--lora", file("sd15", "locon.safetensors:0.8"), "--low-memory"];
    const latents = await latentsOf(...model("sd15"), ...stored(golden), ...lora);
    expect(latents).toBeCloseTensor(golden.tensor("locon"), ADAPTED_LATENTS);
  });

  test("leaves alone what has the strength 0", async () => {
    const golden = readFixture("adapters/sd15/lora.safetensors");
    const lora = file("sd15", "kohya.safetensors:0.8:unet=0:text=0");
    const latents = await latentsOf(...model("sd15"), ...stored(golden), "--lora", lora);
    expect(latents).toEqual(await latentsOf(...model("sd15"), ...stored(golden)));
  });

  test("refuses one for another architecture by what differs", async () => {
    const { code, stderr } = await generate("--lora", file("sdxl", "kohya.safetensors"));
    expect(code).toBe(1);
    expect(stderr).toContain(`Cannot apply the LoRA "${file("sdxl", "kohya.safetensors")}" to`);
  });
});

const generate = (...flags: string[]): Promise<CliRun> =>
  runCli("generate", ...model("sd15"), "a fox", "--seed", "1", "--steps", "1", ...flags, "-o", "never.png");

describe("runs beside those", () => {
  const kohya = file("sd15", "kohya.safetensors");
  const mystyle = `mystyle=${file("sd15", "embedding-a1111.pt")}`;
  test.each([
    ["sd15", "negative", ["--lora", `${kohya}:-0.6`]],
    ["sd15", "unet", ["--lora", `${kohya}:0.8:text=0`]],
    ["sd15", "lcm", ["--lora", `${kohya}:0.8`, "--sampler", "lcm", "--steps", "4", "--guidance-scale", "1"]],
    ["sd15", "embedding", ["--embedding", mystyle, "-n", "blurry, mystyle"]],
    ["sd15", "weights", ["--prompt-weights", "-p", "a (red:1.3) fox BREAK (on a hill:0.5)", "-n", "(blurry)"]],
    [
      "sdxl",
      "embedding",
      ["--embedding", `mystyle=${file("sdxl", "embedding-xl.safetensors")}`, "-p", "a fox, mystyle, on a hill"],
    ],
  ] as const)("end where the reference ends: %s, %s", async (kind, name, flags) => {
    const asked = [...model(kind), ...stored(readFixture(`adapters/${kind}/lora.safetensors`)), ...flags];
    const golden = readFixture(`adapters/${kind}/adapters-more.safetensors`).tensor(name);
    expect(await latentsOf(...asked)).toBeCloseTensor(golden, ADAPTED_LATENTS);
  });
});

describe("generate --embedding", () => {
  test.each(["safetensors", "pt"])("leads where the reference's leads, from .%s", async (ending) => {
    const golden = readFixture("adapters/sd15/textual-inversion.safetensors");
    const latents = await latentsOf(
      ...model("sd15"),
      ...stored(golden),
      ...["--embedding", `mystyle=${file("sd15", `embedding-a1111.${ending}`)}`],
      ...["--embedding", `<toy>=${file("sd15", "learned_embeds.safetensors")}`],
    );
    expect(latents).toBeCloseTensor(golden.tensor("latents"), ADAPTED_LATENTS);
  });
});

test("a picture's text names what its model was changed by, and --like asks for it again", async () => {
  const flags = [
    ...["--lora", `${file("sd15", "kohya.safetensors")}:0.5:text=0`],
    ...["--lora", `${file("sd15", "peft.safetensors")}:-0.25`],
    ...["--embedding", `mystyle=${file("sd15", "embedding-a1111.pt")}`, "--prompt-weights"],
  ];
  const made = await runCli(
    "generate",
    ...model("sd15"),
    "a (fox:1.2), mystyle",
    "--steps",
    "2",
    ...flags,
    "-o",
    "1.png",
  );
  expect(made).toMatchObject({ code: 0 });
  const { settings } = parseParameters(decodePng(readFileSync("1.png")).text["parameters"] ?? "");
  expect(settings).toMatchObject({
    "Lora 0": `${file("sd15", "kohya.safetensors")}:unet=0.5:text=0`,
    "Lora 1": `${file("sd15", "peft.safetensors")}:-0.25`,
    "Embedding 0": `mystyle=${file("sd15", "embedding-a1111.pt")}`,
    "Prompt weights": "on",
  });
  expect(await runCli("generate", ...model("sd15"), "--like", "1.png", "-o", "2.png")).toMatchObject({ code: 0 });
  expect(decodePng(readFileSync("2.png")).image).toEqual(decodePng(readFileSync("1.png")).image);
});

describe("refuses in one sentence", () => {
  const base = fixturePath("pipelines/sd15/model");
  test.each([
    [["--lora", "none.safetensors:0.5"], 'Cannot open the LoRA "none.safetensors": there is no such file or folder'],
    [["--lora", ""], 'Cannot use --lora "": FILE[:STRENGTH][:unet=X][:text=X] is required'],
    [
      ["--lora", `${base}/vae/diffusion_pytorch_model.safetensors`],
      "it has no tensors of a LoRA, LoHa or LoKr but others, such as",
    ],
    [["--embedding", "mystyle"], "Cannot use --embedding mystyle: NAME=FILE is required"],
    [["--embedding", `mystyle=${base}/model_index.json`], `Cannot read "${base}/model_index.json"`],
    [["--embedding", `mystyle=${file("sd15", "peft.safetensors")}`], "one is required, for its text encoder"],
    [["--prompt-weights", "-n", "(a:1.2.3)"], 'Cannot read the weights of "(a:1.2.3)": "1.2.3" is not a number'],
  ])("%o", async (flags, message) => {
    const { code, stderr } = await generate(...flags);
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining(message)]);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
