import { copyFileSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { readModelIndex } from "../../src/checkpoint/folder/model-index.ts";
import { findWeightFiles } from "../../src/checkpoint/folder/weight-files.ts";
import { readTensor } from "../../src/checkpoint/read-tensor.ts";
import { fixturePath } from "../support/fixtures.ts";
import { safetensorsBytes, temporaryFolder } from "./files.ts";

const weightFile = (...names: string[]): Uint8Array =>
  safetensorsBytes(
    Object.fromEntries(names.map((name, i) => [name, { dtype: "U8", shape: [1], data_offsets: [i, i + 1] }])),
    names.length,
  );
const index = (map: unknown): string => JSON.stringify({ metadata: {}, weight_map: map });

describe("openComponent()", () => {
  test.each([
    ["unet-sd15", "diffusion_pytorch_model.safetensors"],
    ["unet-fp16", "diffusion_pytorch_model.fp16.safetensors"],
    ["clip-text-sd15", "model.safetensors"],
  ])("opens %s from %s", async (fixture, file) => {
    const folder = fixturePath(`models/${fixture}`);
    const { config, configPath, weights } = await openComponent(folder);
    expect(configPath).toBe(join(folder, "config.json"));
    expect(config).toHaveProperty(fixture.startsWith("unet") ? "_class_name" : "architectures");
    expect(weights.size).toBeGreaterThan(10);
    expect(new Set([...weights.values()].map(({ span }) => span.source.path))).toEqual(
      new Set([realpathSync(join(folder, file))]),
    );
  });

  test("joins the shards that an index names", async () => {
    const { weights } = await openComponent(fixturePath("models/unet-sharded"));
    const paths = new Set([...weights.values()].map(({ span }) => span.source.path));
    expect(paths.size).toBe(2);
    const one = weights.get("conv_in.weight");
    expect(one && (await readTensor(one)).shape).toEqual(one?.shape);
  });

  test("follows the links of a Hugging Face cache to the real file", async () => {
    const root = realpathSync(temporaryFolder());
    const [blobs, snapshot] = [join(root, "blobs"), join(root, "snapshots", "abc", "unet")];
    mkdirSync(blobs);
    mkdirSync(snapshot, { recursive: true });
    const fixture = fixturePath("models/taesd");
    for (const [name, blob] of [
      ["config.json", "1f"],
      ["diffusion_pytorch_model.safetensors", "2e"],
    ] as const) {
      copyFileSync(join(fixture, name), join(blobs, blob));
      symlinkSync(join("..", "..", "..", "blobs", blob), join(snapshot, name));
    }
    const { weights } = await openComponent(snapshot);
    for (const { span } of weights.values()) expect(span.source.path).toBe(join(blobs, "2e"));
  });

  test("says which folder, config or weights are missing", async () => {
    const empty = temporaryFolder();
    await expect(openComponent(join(empty, "unet"))).rejects.toThrow(
      `Cannot read the component "${join(empty, "unet")}": there is no such folder`,
    );
    await expect(openComponent(empty)).rejects.toThrow(`Cannot read the component "${empty}": it has no config.json`);
    const bare = temporaryFolder({ "config.json": "{}" });
    await expect(openComponent(bare)).rejects.toThrow(`Cannot find weights in "${bare}": looked for`);
    await expect(openComponent(bare, { variant: "fp16" })).rejects.toThrow(
      `Cannot find weights of variant "fp16" in "${bare}"`,
    );
    await expect(openComponent(join(bare, "config.json"))).rejects.toThrow("it is not a folder");
  });

  test("refuses a config that is no object, or no JSON", async () => {
    await expect(openComponent(temporaryFolder({ "config.json": "[]" }))).rejects.toThrow(
      /config\.json": it is not a JSON object$/,
    );
    await expect(openComponent(temporaryFolder({ "config.json": "{" }))).rejects.toThrow(
      /config\.json": it is not JSON$/,
    );
  });

  const sharded = (map: unknown) =>
    openComponent(
      temporaryFolder({
        "config.json": "{}",
        "model.safetensors.index.json": index(map),
        "1.safetensors": weightFile("a", "b"),
        "2.safetensors": weightFile("b", "c"),
        "3.safetensors": weightFile("d"),
      }),
    );

  test.each([
    [{ a: "1.safetensors", d: "none.safetensors" }, /none\.safetensors": there is no such file$/],
    [{ a: "3.safetensors" }, /index\.json": it places tensor "a" in "3\.safetensors", which lacks it$/],
    [{ a: "1.safetensors", c: "2.safetensors" }, /tensor "b" is in both "1\.safetensors" and "2\.safetensors"$/],
    [{ a: "../1.safetensors" }, /it places tensor "a" in "\.\.\/1\.safetensors", which is no file of this folder$/],
    [{ a: "x/../../1.safetensors" }, /which is no file of this folder$/],
    [{ a: "/etc/passwd" }, /it places tensor "a" in "\/etc\/passwd", which is no file of this folder$/],
    [{ a: "1.safetensors\0" }, /which is no file of this folder$/],
    [{ a: 1 }, /it places tensor "a" in 1, which is no file of this folder$/],
    [["1.safetensors"], /its weight_map is not a JSON object$/],
  ])("refuses the index %j", async (map, message) => {
    await expect(sharded(map)).rejects.toThrow(message);
  });

  test("reads what the shards hold", async () => {
    expect([...(await sharded({ a: "1.safetensors", d: "3.safetensors" })).weights.keys()]).toEqual(["a", "b", "d"]);
  });
});

describe("findWeightFiles()", () => {
  const find = (names: string[], variant?: string) => findWeightFiles("unet", new Set(names), variant).name;
  const ALL = [
    "diffusion_pytorch_model.fp16.bin",
    "diffusion_pytorch_model.bin",
    "diffusion_pytorch_model.safetensors.index.fp16.json",
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.safetensors.index.json",
    "diffusion_pytorch_model.safetensors",
  ];

  test("prefers safetensors, then the plain variant, then a single file", () => {
    for (let left = ALL.length; left > 2; left--) expect(find(ALL.slice(0, left))).toBe(ALL[left - 1]);
    expect(find(ALL.slice(0, 2))).toBe("diffusion_pytorch_model.bin");
    expect(find(ALL.slice(0, 1))).toBe("diffusion_pytorch_model.fp16.bin");
  });

  test("keeps to the variant that was asked for", () => {
    expect(find(ALL, "fp16")).toBe("diffusion_pytorch_model.fp16.safetensors");
    expect(find(ALL.slice(0, 3), "fp16")).toBe("diffusion_pytorch_model.safetensors.index.fp16.json");
    expect(() => find(ALL, "non_ema")).toThrow('Cannot find weights of variant "non_ema" in "unet"');
  });
});

describe("readModelIndex()", () => {
  test("lists the components of a model", async () => {
    const { className, components, options } = await readModelIndex(fixturePath("pipelines/sdxl/model"));
    expect(className).toBe("StableDiffusionXLPipeline");
    expect(components.get("unet")).toEqual({ library: "diffusers", className: "UNet2DConditionModel" });
    expect(components.get("image_encoder")).toBeNull();
    expect(options.get("force_zeros_for_empty_prompt")).toBe(true);
  });

  test.each([
    ["{}", /model_index\.json": it has no _class_name$/],
    ['{"_class_name": "X", "unet": ["diffusers"]}', /component "unet" is \["diffusers"\], not a library and a class$/],
    ['{"_class_name": "X", "../unet": ["a", "B"]}', /component "\.\.\/unet" does not name a folder$/],
  ])("refuses %s", async (json, message) => {
    await expect(readModelIndex(temporaryFolder({ "model_index.json": json }))).rejects.toThrow(message);
  });

  test("says whether the folder or the file is missing", async () => {
    const folder = temporaryFolder();
    await expect(readModelIndex(join(folder, "m"))).rejects.toThrow(
      `Cannot read the model "${join(folder, "m")}": there is no such folder`,
    );
    await expect(readModelIndex(folder)).rejects.toThrow(
      `Cannot read the model "${folder}": it has no model_index.json`,
    );
  });
});
