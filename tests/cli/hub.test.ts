import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readParametersText } from "../../src/image/codecs/read-parameters.ts";
import { parseParameters } from "../../src/image/parameters.ts";
import { folderRepo } from "../hub/folder-repo.ts";
import { type TestHub, testHub } from "../hub/test-hub.ts";
import { runCli } from "../support/cli.ts";
import { fixturePath } from "../support/fixtures.ts";

const MODEL = fixturePath("pipelines/sd15/model");
const RUN = [
  "a fox",
  "--steps",
  "1",
  "--sampler",
  "ddim",
  "--guidance-scale",
  "1",
  "--seed",
  "1",
  "--width",
  "64",
  "--height",
  "64",
  "-o",
  "a.png",
];
const home = process.cwd();
let root: string;
let cache: string;
let server: TestHub;

const adapter = (name: string): Uint8Array => new Uint8Array(readFileSync(fixturePath(`adapters/sd15/${name}`)));

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "deepcache-cli-hub-"));
  cache = join(root, "cache");
  process.chdir(root);
  server = await testHub({
    "org/tiny": {
      files: {
        ...folderRepo(MODEL),
        "README.md": "",
        "unet/diffusion_pytorch_model.bin": "a pickle",
        "unet/flax_model.msgpack": "flax",
      },
    },
    "org/lora": { files: { "pytorch_lora_weights.safetensors": adapter("peft.safetensors") } },
    "org/loras": {
      files: { "a/kohya.safetensors": adapter("kohya.safetensors"), "b.safetensors": adapter("peft.safetensors") },
    },
    "org/toy": { files: { "learned_embeds.safetensors": adapter("learned_embeds.safetensors"), "README.md": "" } },
    "org/control": { files: folderRepo(fixturePath("adapters/sd15/controlnet-0")) },
    "org/vae": { files: folderRepo(fixturePath("adapters/sd15/vae")) },
  });
  vi.stubEnv("HF_ENDPOINT", server.endpoint);
  vi.stubEnv("HF_HUB_CACHE", cache);
  vi.stubEnv("HF_HOME", join(root, "home"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  process.chdir(home);
  await server[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

/** The picture that flags make. */
async function picture(...flags: readonly string[]): Promise<Buffer> {
  const run = await runCli(...RUN, ...flags);
  expect(run, run.stderr).toMatchObject({ code: 0 });
  return readFileSync("a.png");
}

const pixelsOf = (png: Buffer): Buffer => png.subarray(png.indexOf("IDAT"), png.indexOf("IEND"));
const pixels = async (...flags: readonly string[]): Promise<Buffer> => pixelsOf(await picture(...flags));

const asked = (): readonly string[] => server.seen.map(({ path }) => path);

test("generate --model ID makes what the folder makes, from links in the cache, and asks nobody the second time", async () => {
  const fromFolder = await pixels("--model", MODEL);
  expect(Buffer.compare(await pixels("--model", "org/tiny"), fromFolder)).toBe(0);
  expect(asked().filter((path) => /README|flax|\.bin/.test(path))).toEqual([]);
  server.seen.length = 0;
  expect(Buffer.compare(await pixels("--model", "org/tiny"), fromFolder)).toBe(0);
  expect(asked()).toEqual([]);
  expect((await picture("--model", "org/tiny")).includes("Model: tiny,")).toBe(true);
});

test("a revision is a model of its own", async () => {
  await picture("--model", "org/tiny@v1");
  expect(existsSync(join(cache, "models--org--tiny", "refs", "v1"))).toBe(true);
  expect(asked()).toContain("/api/models/org/tiny/revision/v1?blobs=true");
});

test("LoRAs, embeddings, ControlNets and autoencoders come by their ids as well, and a picture says so", async () => {
  const file = (name: string): string => fixturePath(`adapters/sd15/${name}`);
  const steered = (controlnet: string): string[] => ["--controlnet", controlnet, "--control-image", "b.png"];
  writeFileSync("b.png", await picture("--model", MODEL));
  const local = [
    "--lora",
    `${file("peft.safetensors")}:0.5`,
    "--lora",
    file("kohya.safetensors"),
    "--vae",
    file("vae"),
  ];
  const remote = ["--lora", "org/lora:0.5", "--lora", "org/loras/a/kohya.safetensors", "--vae", "org/vae"];
  const embedding = (path: string): string[] => ["--embedding", `<cat-toy>=${path}`];
  const here = await pixels(
    "--model",
    MODEL,
    ...local,
    ...steered(file("controlnet-0")),
    ...embedding(file("learned_embeds.safetensors")),
  );
  const flags = ["--model", "org/tiny", ...remote, ...steered("org/control"), ...embedding("org/toy")];
  const made = await picture(...flags);
  expect(Buffer.compare(pixelsOf(made), here)).toBe(0);
  const { settings } = parseParameters(readParametersText(made) ?? "");
  expect(settings).toMatchObject({
    "Lora 0": "org/lora:0.5",
    "Lora 1": "org/loras/a/kohya.safetensors:1",
    "Embedding 0": "<cat-toy>=org/toy/learned_embeds.safetensors",
    VAE: "vae",
  });
});

test("inspect and plan need configs alone", async () => {
  const inspected = await runCli("inspect", "org/tiny", "--json");
  expect(inspected, inspected.stderr).toMatchObject({ code: 0 });
  const planned = await runCli("plan", "--model", "org/tiny", "--steps", "5");
  expect(planned, planned.stderr).toMatchObject({ code: 0 });
  expect(asked().filter((path) => /safetensors/.test(path))).toEqual([]);
  expect(await pixels("--model", "org/tiny")).toEqual(await pixels("--model", MODEL));
});

describe("Offline,", () => {
  beforeEach(() => vi.stubEnv("HF_HUB_OFFLINE", "1"));

  test("what the cache has runs, and what it lacks is said to be missing", async () => {
    const missing = await runCli(...RUN, "--model", "org/tiny");
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain(
      `Cannot find all of "org/tiny" in the cache "${cache}", and HF_HUB_OFFLINE forbids asking`,
    );
    expect(asked()).toEqual([]);
    vi.stubEnv("HF_HUB_OFFLINE", "");
    expect((await runCli("pull", "org/tiny")).code).toBe(0);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await picture("--model", "org/tiny");
  });
});

test.each([
  ["org/none", 'Cannot find "org/none" on 127.0.0.1', "nor is there such a file or folder here"],
  ["org/tiny@v9", 'Cannot find revision "v9" of "org/tiny" (404)', ""],
  ["org/toy", "", "learned_embeds"],
  [
    "models/sd15",
    'Cannot find the model "models/sd15": there is no such file or folder; hf:models/sd15 is what the hub has',
    "",
  ],
  ["models/sd15.safetensors", 'Cannot find the model "models/sd15.safetensors": there is no such file or folder', ""],
])("%s is refused in one sentence", async (name, ...messages) => {
  mkdirSync("models");
  const run = await runCli(...RUN, "--model", name);
  expect(run.code).toBe(1);
  for (const message of messages) expect(run.stderr).toContain(message);
  expect(run.stderr.trim().split("\n")).toHaveLength(1);
});

test("what was downloaded of a repository does not pass for all of it, unless nobody can be asked", async () => {
  const files = { "b.safetensors": adapter("peft.safetensors"), "c.safetensors": adapter("kohya.safetensors") };
  server.repos["org/pair"] = { files };
  expect((await runCli("pull", "org/pair/b.safetensors")).code).toBe(0);
  const flags = [...RUN, "--model", MODEL, "--lora", "org/pair"];
  expect(await runCli(...flags)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(
      'Cannot open "org/pair": it has several files, name one as in "org/pair/b.safetensors"',
    ),
  });
  vi.stubEnv("HF_HUB_OFFLINE", "1");
  expect((await runCli(...flags)).code).toBe(0);
  vi.stubEnv("HF_HUB_OFFLINE", "");
  vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9"); // where fetch asks nobody
  expect((await runCli(...flags)).code).toBe(0);
});

test("a hub that cannot be reached is told in one sentence, with what was looked for here", async () => {
  const { endpoint, ...gone } = await testHub({});
  await gone[Symbol.asyncDispose]();
  vi.stubEnv("HF_ENDPOINT", endpoint);
  const run = await runCli(...RUN, "--model", "org/tiny");
  const host = new URL(endpoint).host;
  const sentence = `Cannot reach ${host} for "org/tiny": nobody answers there; nor is there such a file or folder here\n`;
  expect(run).toMatchObject({ code: 1, stderr: sentence });
});

test("pull tells its steps as lines of JSON, and where things are", async () => {
  const { stdout, code } = await runCli("pull", "org/tiny", "--json");
  expect(code).toBe(0);
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events[0]).toMatchObject({
    type: "progress",
    name: "org/tiny",
    file: expect.any(String),
    rate: expect.any(Number),
  });
  const commit = server.commitOf("org/tiny");
  const path = join(cache, "models--org--tiny", "snapshots", commit);
  expect(events.at(-1)).toMatchObject({ type: "result", name: "org/tiny", commit, path, files: 12 });
  expect((await runCli("pull", "org/tiny")).stdout).toContain(`org/tiny: 12 files, `);
  expect((await runCli("pull", "name")).code).toBe(2);
});

test("pull takes the newest of a branch", async () => {
  await runCli("pull", "org/lora");
  server.repos["org/lora"] = { files: { "pytorch_lora_weights.safetensors": adapter("kohya.safetensors") } };
  const { stdout } = await runCli("pull", "org/lora");
  expect(stdout).toContain(server.commitOf("org/lora"));
  expect(readdirSync(join(cache, "models--org--lora", "snapshots"))).toHaveLength(2);
});

test("models lists what the cache holds, and removes it", async () => {
  expect((await runCli("models")).stdout).toContain("nothing has been downloaded");
  await runCli("pull", "org/lora");
  const old = server.commitOf("org/lora");
  server.repos["org/lora"] = { files: { "pytorch_lora_weights.safetensors": adapter("kohya.safetensors") } };
  await runCli("pull", "org/lora");
  await runCli("pull", "org/toy");
  const size = (name: string): number => adapter(name).length;
  const listed = (await runCli("models", "--json")).json<{
    models: { id: string; size: number; revisions: unknown[] }[];
  }>();
  expect(listed.models).toMatchObject([
    { id: "org/lora", size: size("peft.safetensors") + size("kohya.safetensors") },
    { id: "org/toy", size: size("learned_embeds.safetensors") },
  ]);
  expect(listed.models[0]?.revisions).toEqual(
    expect.arrayContaining([{ commit: old, refs: [], files: 1, size: size("peft.safetensors") }]),
  );
  const { stdout } = await runCli("models", "--remove", `org/lora@${old}`, "--json");
  expect(JSON.parse(stdout)).toMatchObject({ removed: [{ freed: size("peft.safetensors") }] });
  expect(readdirSync(join(cache, "models--org--lora", "blobs"))).toHaveLength(1);
  expect((await runCli("models", "--remove", "org/lora")).stdout).toContain("removed org/lora: ");
  expect((await runCli("models")).stdout).toMatch(/^model .*\norg\/toy .*main/);
  expect(await runCli("models", "--remove", "org/lora")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("does not hold it"),
  });
});
