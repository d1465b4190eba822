import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type ProgressInfo, pipeline } from "../../src/index.ts";
import { folderRepo } from "../hub/folder-repo.ts";
import { type TestHub, testHub } from "../hub/test-hub.ts";
import { fixturePath } from "../support/fixtures.ts";

const MODEL = fixturePath("pipelines/sd15/model");
const LORA = fixturePath("adapters/sd15/kohya.safetensors");
const RUN = { steps: 1, sampler: "ddim", seed: 1, width: 64, height: 64, guidanceScale: 1 } as const;

let server: TestHub;
let cacheFolder: string;
beforeAll(async () => {
  const lora = { "style.safetensors": new Uint8Array(readFileSync(LORA)) };
  server = await testHub({ "org/tiny": { files: folderRepo(MODEL), token: "secret" }, "org/style": { files: lora } });
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  cacheFolder = mkdtempSync(join(tmpdir(), "deepcache-library-hub-"));
});
afterEach(() => rmSync(cacheFolder, { recursive: true, force: true }));

const hub = () => ({ endpoint: server.endpoint, cacheFolder, token: "secret" });

test("pipeline(task, id) opens a model of the hub, tells how far its files are, and takes LoRAs by their ids", async () => {
  const told: ProgressInfo[] = [];
  const onProgress = (info: ProgressInfo) => told.push(info);
  await using remote = await pipeline("text-to-image", "org/tiny", { hub: hub(), onProgress });
  await using local = await pipeline("text-to-image", MODEL);
  expect(remote.model.name).toBe("tiny");
  const [there, here] = [
    await remote("a fox", { ...RUN, loras: "org/style:0.5" }),
    await local("a fox", { ...RUN, loras: `${LORA}:0.5` }),
  ];
  expect(Buffer.compare(Buffer.from(there.image.data), Buffer.from(here.image.data))).toBe(0);
  const downloads = told.filter(({ status }) => status === "downloading");
  expect(downloads.some((info) => info.status === "downloading" && info.name === "org/style")).toBe(true);
  const ofModel = downloads.filter((info) => "name" in info && info.name === "org/tiny");
  const { loaded, total } = ofModel.at(-1) ?? {};
  expect(loaded).toBe(total);
  expect(loaded).toBeGreaterThan(500_000);
});

test("An abort ends opening while files come", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const opening = pipeline("text-to-image", "org/tiny", {
    hub: hub(),
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  });
  await expect(opening).rejects.toBe(reason);
});

test.each([
  ["org/none", {}, "MODEL_NOT_FOUND", 'Cannot find "org/none"'],
  ["org/tiny", { keep: false }, "OPTION_INVALID", "Cannot use keep: false in Node"],
  ["org/tiny", { token: "other" }, "MODEL_NOT_FOUND", "or it is private and not for your token"],
  ["org/tiny", { offline: true }, "MODEL_NOT_FOUND", "forbids asking"],
  ["org/tiny", { ofline: true }, "OPTION_UNKNOWN", 'No option of hub is called "ofline": did you mean "offline"?'],
  ["org/tiny", { offline: 1 }, "OPTION_INVALID", 'Cannot use 1 as "offline"'],
])("%s with %j is refused", async (model, source, code, message) => {
  const options = { hub: { ...hub(), ...source } } as Parameters<typeof pipeline>[2];
  await expect(pipeline("text-to-image", model, options)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
});
