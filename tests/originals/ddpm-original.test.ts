import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import type { Weights } from "../../src/checkpoint/weights.ts";
import { cut } from "../../src/deepcache/cut.ts";
import { ARCHITECTURES } from "../../src/models/architectures.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { ddpmConfig } from "../../src/originals/ddpm/ddpm-config.ts";
import { ddpmLayerNames, withDiffusersNames } from "../../src/originals/ddpm/ddpm-keys.ts";
import { ddpmState } from "../../src/originals/ddpm/ddpm-states.ts";
import type { Feed } from "../../src/runtime/runtime.ts";
import { temporaryFolder } from "../checkpoint/files.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";
import { type TrainerItem, trainerFile } from "./ddpm-trainer-file.ts";

const FOLDER = "original/ddpm-cifar";
const TEXT = readFileSync(fixturePath(`${FOLDER}/config.yml`), "utf8");
const SOURCE = fixturePath(`${FOLDER}/ckpt.pth`);

const read = async (path: string): Promise<Weights> => (await readCheckpoint(await fileSource(path))).weights;

describe("a checkpoint of the DDPM code", () => {
  const io = readFixture(`${FOLDER}/io.safetensors`);
  const { unet: config } = ddpmConfig(parse(TEXT));
  const network = async () =>
    unet(
      config,
      { batch: 2, height: 16, width: 16, timesteps: "each" },
      withDiffusersNames(await read(SOURCE), config, "ckpt.pth"),
    );
  const feeds = (sample: string, timestep: string): Record<string, Feed> => ({
    sample: io.tensor(sample),
    timestep: io.tensor(timestep),
  });

  test("predicts what the code predicts", async () => {
    const { prediction } = await runGraph((await network()).graph, feeds("eps.x", "eps.t"));
    expect(prediction).toBeCloseTensor(io.tensor("eps.output"), NETWORK_CALL);
  });

  // The script counts branches from hs[1].
  test.each([0, 1, 2, 3, 4])("caches what the code caches at its branch %i", async (branch) => {
    const { head, trunk, tail } = cut(await network(), branch + 1);
    const first = feeds("eps.x", "eps.t");
    const { feature } = await runGraph(trunk, pick({ ...first, ...(await runGraph(head, first)) }, trunk.inputs));
    expect(feature).toBeCloseTensor(io.tensor(`cached.b${branch}.feature`), NETWORK_CALL);
    const second = feeds("cached.x", "cached.t");
    const known = { ...second, ...(await runGraph(head, second)), feature: feature as Feed };
    const { prediction } = await runGraph(tail, pick(known, tail.inputs));
    expect(prediction).toBeCloseTensor(io.tensor(`cached.b${branch}.output`), NETWORK_CALL);
  });

  test("is refused by its own names where weights are missing or left over", async () => {
    const weights = new Map(await read(SOURCE));
    const [name] = weights.keys();
    weights.set("up.2.block.0.conv1.weight", weights.get(name ?? "") as never);
    weights.delete("mid.attn_1.q.bias");
    weights.delete("up.1.upsample.conv.weight");
    expect(() => withDiffusersNames(weights, config, "ckpt.pth")).toThrow(
      'Cannot use "ckpt.pth" as a DDPM U-Net: "up.1.upsample.conv.weight" is missing; "mid.attn_1.q.bias" is missing; ' +
        '"up.2.block.0.conv1.weight" is left over',
    );
    expect(() => withDiffusersNames(new Map(), config, "ckpt.pth")).toThrow(/; and \d+ more$/);
  });
});

test.each(["ddpm-cifar10", "ddpm-lsun"] as const)("every layer of %s has a name in the code", (name) => {
  const config = unetConfig(ARCHITECTURES[name].unet);
  const { graph } = unet(config, { batch: 1, height: 32, width: 32 });
  const weights = [...graph.initializers.values()].flatMap((value) => (value.kind === "weight" ? value.name : []));
  const names = ddpmLayerNames(config).flatMap(([, current]) => [`${current}.weight`, `${current}.bias`]);
  expect(names.toSorted()).toEqual(weights.toSorted());
  expect(new Set(ddpmLayerNames(config).map(([original]) => original)).size).toBe(names.length / 2);
});

describe("a checkpoint of the trainer", () => {
  const save = (...items: readonly TrainerItem[]): string =>
    join(temporaryFolder({ "ckpt.pth": trainerFile(items) }), "ckpt.pth");
  const state = (value: number): TrainerItem => ({
    "module.conv_in.weight": { data: Float32Array.of(value, value), shape: [2, 1] },
    "module.conv_in.bias": { data: Float32Array.of(value), shape: [1] },
  });
  const values = async (path: string, ema?: boolean): Promise<Record<string, number | undefined>> => {
    const bytes = readFileSync(path);
    const chosen = ddpmState(await read(path), { ema });
    return Object.fromEntries([...chosen].map(([name, { span }]) => [name, bytes.readFloatLE(span.offset)]));
  };

  test("gives the moving average, or the weights themselves where asked", async () => {
    const path = save(state(1), {}, 3, 1000, state(2));
    expect(await values(path)).toEqual({ "conv_in.weight": 2, "conv_in.bias": 2 });
    expect(await values(path, false)).toEqual({ "conv_in.weight": 1, "conv_in.bias": 1 });
  });

  test("gives the weights where it keeps no moving average", async () => {
    expect(await values(save(state(1), {}, 3, 1000))).toEqual({ "conv_in.weight": 1, "conv_in.bias": 1 });
  });

  test("is refused without any weights", async () => {
    await expect(read(save({}, 3))).rejects.toThrow('neither its top level nor its "state_dict" holds tensors');
  });
});

describe("a config.yml", () => {
  const published = (lines: Readonly<Record<string, string>>): string =>
    Object.entries({ image_size: "32", ch: "128", ch_mult: "[1, 2, 2, 2]", attn_resolutions: "[16, ]", ...lines })
      .reduce((text, [field, value]) => text.replace(new RegExp(`(  ${field}:).*(\\n  - .*)*`), `$1 ${value}`), TEXT)
      .replace("resamp_with_conv: true", "resamp_with_conv: True");

  test.each([
    ["ddpm-cifar10", {}],
    ["ddpm-lsun", { image_size: "256", ch_mult: "[1, 1, 2, 2, 4, 4]" }],
  ] as const)("describes %s as its diffusers config does", (name, lines) => {
    expect(ddpmConfig(parse(published(lines))).unet).toEqual(unetConfig(ARCHITECTURES[name].unet));
  });

  test("tells the schedule", () => {
    expect(ddpmConfig(parse(TEXT))).toMatchObject({
      schedule: { beta_schedule: "linear", beta_start: 1e-4, beta_end: 0.02, num_diffusion_timesteps: 1000 },
    });
  });

  test.each([
    ["image_size: 16", "image_size: 15", 'c.yml: data": "image_size" is 15 where a multiple of 2 for 2 levels'],
    ["channels: 3\n", "channels: 1\n", '"channels" is 1 where 3, the model\'s in_channels,'],
    ["rescaled: true", "rescaled: false", '"rescaled" is false where true'],
    ["logit_transform: false", "logit_transform: true", '"logit_transform" is true where false'],
    ["type: simple", "type: bayesian", 'c.yml: model": "type" is "bayesian" where "simple"'],
    ["ch: 32", "ch: 40", '"ch" is 40 where a multiple of 32'],
    ["ch: 32", "ch: -32", '"ch" is -32 where a whole number from 1'],
    ["ch: 32", "ch: wide", '"ch" is "wide" where a whole number'],
    ["  ch: 32\n", "", '"ch" is missing where a whole number'],
    ["ch_mult:\n  - 1\n  - 1", "ch_mult: [2, 2]", '"ch_mult" is [2,2] where a list that begins with 1'],
    ["ch_mult:\n  - 1\n  - 1", "ch_mult: []", '"ch_mult" is [] where a list that begins with 1'],
    ["num_res_blocks: 2", "num_res_blocks: 0", '"num_res_blocks" is 0 where a whole number from 1 to 128'],
    ["attn_resolutions:\n  - 8", "attn_resolutions: 8", '"attn_resolutions" is 8 where a list'],
    ["out_ch: 3", "out_ch: 6", '"out_ch" is 6 where 3, the number of in_channels,'],
    ["resamp_with_conv: true", "resamp_with_conv: false", '"resamp_with_conv" is false where true'],
    ["var_type: fixedlarge", "var_type: learned", '"var_type" is "learned" where "fixedlarge" or "fixedsmall"'],
    ["beta_schedule: linear", "beta_schedule: jsd", 'c.yml: diffusion": "beta_schedule" is "jsd" where "linear"'],
    ["data:", "data: 3\nother:", 'Cannot read config "c.yml: data": it holds 3 where an object is required'],
  ])("is refused with %j as %j", (from, to, message) => {
    const text = TEXT.replace(from, to);
    expect(text).not.toBe(TEXT);
    expect(() => ddpmConfig(parse(text), "c.yml")).toThrow(message);
  });

  test.each(["", "just a text", "- 1"])("is refused as %j", (text) => {
    expect(() => ddpmConfig(parse(text), "c.yml")).toThrow("where an object is required");
  });
});

const pick = (known: Readonly<Record<string, Feed>>, names: ReadonlyMap<string, unknown>): Record<string, Feed> =>
  Object.fromEntries([...names.keys()].map((name) => [name, known[name] as Feed]));
