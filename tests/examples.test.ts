import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { writeImage } from "../src/image/files.ts";
import { decodePng } from "../src/image/png.ts";
import { plainImage, type RgbImage } from "../src/image/rgb-image.ts";
import { folderRepo } from "./hub/folder-repo.ts";
import { testHub } from "./hub/test-hub.ts";
import { fixturePath } from "./support/fixtures.ts";

const MODEL = fixturePath("pipelines/sd15/model");
const EXAMPLES = new URL("../examples/", import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "deepcache-examples-"));
const originals = { arguments: process.argv, folder: process.cwd() };
process.chdir(folder);

afterEach(() => {
  process.argv = originals.arguments;
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});
afterAll(() => {
  process.chdir(originals.folder);
  rmSync(folder, { recursive: true });
});

/** Runs an example in a folder of its own as `node examples/<name>.mjs ...args` would; gives the lines that it prints. */
async function run(name: string, ...args: string[]): Promise<string[]> {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((...values) => void lines.push(values.join(" ")));
  process.argv = ["node", `examples/${name}.mjs`, ...args];
  await import(`../examples/${name}.mjs`);
  return lines;
}

/** The picture that an example has written. */
const picture = (name: string): RgbImage => decodePng(readFileSync(join(folder, name))).image;

test("first-image.mjs writes the picture that it made", async () => {
  await run("first-image");
  expect(picture("fox.png")).toMatchObject({ width: 64, height: 64 });
});

test("progress.mjs counts evaluations and keeps previews", async () => {
  const lines = await run("progress");
  expect(lines.slice(0, -1)).toEqual(Array.from({ length: 21 }, (_, i) => `${i + 1} of 21`));
  expect(lines.at(-1)).toMatch(/^panda\.png after [\d.]+ s$/);
  expect(readdirSync(folder).filter((name) => name.startsWith("preview-"))).toHaveLength(2);
});

test("hub.mjs tells how its model comes, and makes a picture by it", async () => {
  await using server = await testHub({ "org/tiny": { files: folderRepo(MODEL) } });
  vi.stubEnv("HF_ENDPOINT", server.endpoint);
  vi.stubEnv("HF_HUB_CACHE", join(folder, "hub"));
  const lines = await run("hub", "org/tiny", "64");
  expect(lines.at(-2)).toMatch(/: 100 % of all, \d+\.\d MB\/s$/);
  expect(lines.at(-1)).toContain("castle-of-the-hub.png");
  expect(picture("castle-of-the-hub.png")).toMatchObject({ width: 64, height: 64 });
});

test("cancel.mjs ends runs in three ways, each of which says how it ended", async () => {
  expect(await run("cancel")).toEqual(["AbortError", "TimeoutError", "AbortError"]);
});

test("image-to-image.mjs changes the picture that it starts from", async () => {
  const before = plainImage(64, 64, 200);
  writeImage("fox.png", before);
  expect(await run("image-to-image")).toEqual(["orange.png: 0.7 of the steps were taken"]);
  expect(picture("orange.png").data).not.toEqual(before.data);
});

test("inpainting.mjs paints the left half and keeps the right one", async () => {
  const before = plainImage(64, 64, 200);
  writeImage("fox.png", before);
  await run("inpainting");
  const { data } = picture("half.png");
  const changes = Array.from(data, (level, i) => Math.abs(level - (before.data[i] ?? 0)));
  const mean = (isHalf: (x: number) => boolean): number => {
    const own = changes.filter((_, i) => isHalf(Math.floor(i / 3) % 64));
    return own.reduce((sum, change) => sum + change, 0) / own.length;
  };
  expect(mean((x) => x < 32)).toBeGreaterThan(5 * mean((x) => x >= 36)); // the decoder blurs the edge
});

test("several-images.mjs makes image i from seed + i, which gives the same image alone", async () => {
  expect(await run("several-images")).toEqual(["10, 11, 12, 13"]);
  const [together, alone] = [picture("key-13.png"), picture("again.png")];
  const worst = Array.from(together.data).reduce(
    (most, level, i) => Math.max(most, Math.abs(level - (alone.data[i] ?? 0))),
    0,
  );
  expect(worst).toBeLessThanOrEqual(1); // a batch rounds otherwise
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(["star-10.png", "star-11.png", "key-12.png"]));
});

test("classes.mjs takes names and numbers", async () => {
  const ldm = fixturePath("original/ldm");
  const lines = await run("classes", `${ldm}/model.ckpt`, `${ldm}/config.yaml`);
  expect(lines).toEqual(["1.png: class 3, tiger shark", "2.png: class 7, cock"]);
});

test("unconditional.mjs makes four pictures", async () => {
  await run("unconditional", fixturePath("pipelines/ddpm/model"));
  expect(readdirSync(folder).filter((name) => name.startsWith("noise-"))).toHaveLength(4);
});

test("single-file.mjs opens a checkpoint of the original code", async () => {
  const single = fixturePath("original/single");
  const lines = await run("single-file", `${single}/model.safetensors`, `${single}/config.yaml`, letters(), "64");
  expect(lines).toEqual(["castle.png, by model"]);
  expect(picture("castle.png")).toMatchObject({ width: 64, height: 64 });
});

/** A folder with a vocabulary of letters alone, which the small text encoder of the single file has room for. */
function letters(): string {
  const path = join(folder, "letters");
  const alphabet = [..."abcdefghijklmnopqrstuvwxyz"];
  const tokens = [...alphabet, ...alphabet.map((letter) => `${letter}</w>`), "<|startoftext|>", "<|endoftext|>"];
  cpSync(`${MODEL}/tokenizer`, path, { recursive: true });
  writeFileSync(join(path, "vocab.json"), JSON.stringify(Object.fromEntries(tokens.map((token, id) => [token, id]))));
  writeFileSync(join(path, "merges.txt"), "#version: 0.2\n");
  return path;
}

test("errors.mjs tells by its code what went wrong", async () => {
  expect(await run("errors", MODEL)).toEqual([
    "OPTION_INVALID: Cannot generate with width 501: a positive multiple of 8 is required",
  ]);
});

test("server.mjs answers with a picture until it is ended", async () => {
  const before = new Set(process.listeners("SIGINT"));
  const told = vi.spyOn(console, "log").mockImplementation(() => {});
  process.argv = ["node", "examples/server.mjs", "0"];
  await import("../examples/server.mjs");
  await vi.waitFor(() => expect(told).toHaveBeenCalled());
  const [{ port }] = told.mock.calls[0] as [{ readonly port: number }];
  const answer = await fetch(`http://localhost:${port}/?prompt=a+fox+on+a+teal+background`);
  expect(answer.headers.get("content-type")).toBe("image/png");
  expect(decodePng(new Uint8Array(await answer.arrayBuffer())).image.width).toBe(64);
  const added = process.listeners("SIGINT").filter((listener) => !before.has(listener));
  expect(added).toHaveLength(1);
  for (const listener of added) listener("SIGINT");
  await vi.waitFor(() => expect(fetch(`http://localhost:${port}/`)).rejects.toThrow());
});

test("serve.mjs answers OpenAI's requests until it is ended", async () => {
  const before = new Set(process.listeners("SIGINT"));
  const told = vi.spyOn(console, "log").mockImplementation(() => {});
  process.argv = ["node", "examples/serve.mjs", "0"];
  await import("../examples/serve.mjs");
  await vi.waitFor(() => expect(told).toHaveBeenCalled());
  const [url] = told.mock.calls[0] as [string];
  const asked = { method: "POST", headers: { "content-type": "application/json" } };
  const answer = await fetch(`${url}/v1/images/generations`, { ...asked, body: '{"prompt":"a fox","steps":1}' });
  expect(await answer.json()).toMatchObject({ data: [{ b64_json: expect.stringMatching(/^iVBOR/) }] });
  for (const listener of process.listeners("SIGINT").filter((one) => !before.has(one))) listener("SIGINT");
  await vi.waitFor(() => expect(fetch(`${url}/health`)).rejects.toThrow());
});

test("ai-sdk.mjs writes what generateImage gives, and says what it took", async () => {
  const [line = ""] = await run("ai-sdk");
  expect(JSON.parse(line)).toMatchObject({ seed: 1, steps: 10, speedup: expect.any(Number) });
  expect([picture("fox-0.png").width, picture("fox-1.png").width]).toEqual([64, 64]);
});

test("compare-runs.mjs tells both runs' evaluations in turn, and how much faster the cache was", async () => {
  const lines = await run("compare-runs", MODEL);
  expect(lines.slice(0, 4)).toEqual(
    [0, 0, 1, 1].map((n, i) => `${i % 2 === 0 ? "original" : "cached"}: evaluation ${n}`),
  );
  expect(lines.at(-1)).toMatch(/^\d+\.\d\dx faster, \d+\.\d dB$/);
});

test("compare-policies.mjs prints cost and difference of every policy", async () => {
  const lines = await run("compare-policies", MODEL);
  expect(lines).toHaveLength(4);
  for (const line of lines)
    expect(line).toMatch(/^(uniform|centered|listed):\S+: [\d.]+ full steps, [\d.]+x .*, [\d.]+ dB$/);
});

test("inspect-architecture.mjs prints the parts of every branch", async () => {
  const lines = await run("inspect-architecture", MODEL);
  expect(lines).toHaveLength(13);
  expect(lines[1]).toMatch(/^branch 0: head \d+, trunk \d+, tail \d+ MACs; caches 1x\d+x\d+x\d+$/);
});

test("every example is run here and fits on a screen", () => {
  const names = readdirSync(EXAMPLES).filter((name) => name.endsWith(".mjs"));
  const tests = readFileSync(new URL(import.meta.url), "utf8");
  expect(names.filter((name) => !tests.includes(`test("${name} `))).toEqual([]);
  const lengths = names.map((name) => readFileSync(new URL(name, EXAMPLES), "utf8").trimEnd().split("\n").length);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(30);
});
