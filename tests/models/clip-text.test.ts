import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { type ClipTextOptions, clipTextConfig, clipTextModel, tokenInput } from "../../src/models/clip/clip-text.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";
import { idRows, weightNames } from "./graphs.ts";

type Choices = Omit<ClipTextOptions, "batch" | "length">;

async function encode(name: string, rows: readonly (readonly number[])[], choices: Choices = {}) {
  const { config, weights } = await openComponent(fixturePath(`models/${name}`));
  const settings = clipTextConfig(config);
  const ids = tokenInput(rows, settings);
  const graph = clipTextModel(settings, { batch: ids.shape[0], length: ids.shape[1], ...choices }, weights);
  return { settings, graph, weights, outputs: await runGraph(graph, { input_ids: ids }) };
}

describe.each([
  ["clip-text-sd15", "clip-text-sd15"],
  ["clip-text-sd15-v5names", "clip-text-sd15"],
  ["clip-text-sd21", "clip-text-sd21"],
  ["clip-text-proj", "clip-text-proj"],
  ["clip-text-eosid", "clip-text-eosid"],
])("%s", (name, expected) => {
  const io = readFixture(`models/${expected}/io.safetensors`);
  const rows = idRows(io.tensor("input_ids"));

  test("gives every tensor of the reference", async () => {
    const { outputs, settings } = await encode(name, rows, { skip: 1, hiddenStates: true });
    const stored = io.names.filter((key) => key !== "input_ids" && key !== "clip_skip1");
    expect(stored.filter((key) => key.startsWith("hidden_states"))).toHaveLength(settings.layers + 1);
    for (const key of stored) expect(outputs[key], key).toBeCloseTensor(io.tensor(key), NETWORK_CALL);
    expect(outputs["context"]).toBeCloseTensor(io.tensor("clip_skip1"), NETWORK_CALL);
  });

  test("offers the context that each pipeline takes", async () => {
    const plain = await encode(name, rows);
    expect(plain.outputs["context"]).toEqual(plain.outputs["last_hidden_state"]);
    const xl = await encode(name, rows, { skip: 1, finalNorm: false });
    const penultimate = `hidden_states.${xl.settings.layers - 1}`;
    expect(xl.outputs["context"]).toBeCloseTensor(io.tensor(penultimate), NETWORK_CALL);
    expect(xl.outputs["last_hidden_state"]).toBeCloseTensor(io.tensor("last_hidden_state"), NETWORK_CALL);
  });

  test("uses every weight exactly once and no position_ids", async () => {
    const { graph, weights } = await encode(name, rows, { skip: 1 });
    const keys = [...weights.keys()].filter((key) => !key.endsWith("position_ids"));
    expect(weightNames(graph).sort()).toEqual(keys.sort());
  });
});

describe("clipTextModel()", () => {
  const small = clipTextConfig({ vocab_size: 10, hidden_size: 8, num_attention_heads: 2, num_hidden_layers: 3 });

  test("takes prompts shorter than its positions, and what follows a token does not change it", async () => {
    const rows = idRows(readFixture("models/clip-text-sd15/io.safetensors").tensor("input_ids"));
    const short = await encode(
      "clip-text-sd15",
      rows.map((row) => row.slice(0, 9)),
    );
    const long = await encode("clip-text-sd15", rows);
    const width = short.settings.width;
    const state = (data: Float32Array | undefined, offset: number) => ({
      shape: [9 * width],
      data: data!.subarray(offset, offset + 9 * width),
    });
    const [a, b] = [short.outputs["last_hidden_state"]?.data, long.outputs["last_hidden_state"]?.data];
    expect(state(a, 0)).toBeCloseTensor(state(b, 0), NETWORK_CALL);
    expect(state(a, 9 * width)).toBeCloseTensor(state(b, 77 * width), NETWORK_CALL);
  });

  test("refuses to skip layers that are not there", () => {
    expect(() => clipTextModel(small, { batch: 1, length: 77, skip: 4 })).toThrow(
      "Cannot skip 4 layers of the text model: 0 to 3 are allowed",
    );
    expect(clipTextModel(small, { batch: 1, length: 77, skip: 3 }).outputs.has("context")).toBe(true);
  });

  test("refuses more tokens than it has positions", () => {
    expect(() => clipTextModel(small, { batch: 1, length: 78 })).toThrow("for 78 tokens: it has 77 positions");
  });
});

describe("clipTextConfig()", () => {
  test("fills in what transformers fills in", () => {
    expect(clipTextConfig({})).toEqual({
      width: 512,
      heads: 8,
      layers: 12,
      innerWidth: 2048,
      activation: "quick_gelu",
      epsilon: 1e-5,
      vocabularySize: 49408,
      positions: 77,
      pooling: { kind: "first", id: 49407 },
      projection: undefined,
    });
  });

  test("an end of 2 stands for the highest id", () => {
    expect(clipTextConfig({ eos_token_id: 2 }).pooling).toEqual({ kind: "highest" });
  });

  test.each([
    [{ architectures: ["T5EncoderModel"] }, '"architectures" is ["T5EncoderModel"] where ["CLIPTextModel"] or'],
    [{ hidden_act: "relu" }, '"hidden_act" is "relu" where "quick_gelu" or "gelu" is required'],
    [{ num_attention_heads: 7 }, '"num_attention_heads" is 7 where a divisor of 512'],
  ])("refuses %j", (config, message) => {
    expect(() => clipTextConfig(config)).toThrow(message);
  });
});

describe("tokenInput()", () => {
  const config = { vocabularySize: 300, positions: 4 };

  test("packs rows of ids", () => {
    const ids = tokenInput(
      [
        [0, 299],
        [5, 6],
      ],
      config,
    );
    expect(ids).toEqual({ data: BigInt64Array.of(0n, 299n, 5n, 6n), shape: [2, 2] });
  });

  test.each([300, -1, 1.5, Number.NaN])("refuses token %d", (id) => {
    expect(() => tokenInput([[1, id]], config)).toThrow(
      `Cannot encode token ${id}: the text model knows tokens 0 to 299`,
    );
  });

  test("refuses rows of different or impossible lengths", () => {
    expect(() => tokenInput([[1, 2], [1]], config)).toThrow("Cannot encode 1 tokens: 4 at most, the same for every");
    expect(() => tokenInput([[1, 2, 3, 4, 5]], config)).toThrow("Cannot encode 5 tokens: 4 at most");
    expect(() => tokenInput([[]], config)).toThrow("Cannot encode 0 tokens");
  });
});
