import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { randomWeights, unetWeightShapes } from "../../src/benchmark/random-weights.ts";
import { conditioningOf } from "../../src/benchmark/subject.ts";
import { ensureFile } from "../../src/checkpoint/files/ensure-file.ts";
import { nodeFiles } from "../../src/checkpoint/files/node.ts";
import { readTensor } from "../../src/checkpoint/read-tensor.ts";
import { architecture } from "../../src/models/architectures.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { torchGenerator } from "../../src/tensor/torch-generator.ts";
import { temporaryFolder } from "../checkpoint/files.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";
import { TINY, tinySubject } from "./tiny-subject.ts";

async function digest(dtype: "fp16" | "fp32"): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of randomWeights(unetWeightShapes(TINY), dtype)) hash.update(piece);
  return hash.digest("hex");
}

describe("random weights", () => {
  test("are the same every time", async () => {
    expect(await digest("fp16")).toBe(await digest("fp16"));
    expect(await digest("fp16")).not.toBe(await digest("fp32"));
  });

  test("come in pieces of a few megabytes, however large the network is", async () => {
    const config = unetConfig(architecture("ddpm-cifar10").unet);
    let [total, largest] = [0, 0];
    for await (const { byteLength } of randomWeights(unetWeightShapes(config), "fp16")) {
      total += byteLength;
      largest = Math.max(largest, byteLength);
    }
    expect(total).toBeGreaterThan(70e6);
    expect(largest).toBeLessThanOrEqual(2 * 2 ** 20);
  });

  test("are all that a U-Net needs, matrices taken by rows included", async () => {
    const { weights } = await tinySubject(temporaryFolder());
    const network = unet(TINY, { batch: 1, height: 8, width: 8 }, weights); // refuses what is missing or left over
    expect(network.skips).toHaveLength(4);
    expect(unetWeightShapes(TINY).get("down_blocks.0.attentions.0.transformer_blocks.0.ff.net.0.proj.weight")).toEqual([
      ...[256, 32],
    ]);
  });

  test("are normal by fan-in, with norms that change nothing", async () => {
    const { weights } = await tinySubject(temporaryFolder());
    const values = async (name: string): Promise<Float32Array> => (await readTensor(weights.get(name)!)).data;
    expect(new Set(await values("conv_norm_out.weight"))).toEqual(new Set([1]));
    expect(new Set(await values("conv_norm_out.bias"))).toEqual(new Set([0]));
    const kernel = await values("mid_block.resnets.0.conv1.weight");
    const variance = kernel.reduce((sum, value) => sum + value * value, 0) / kernel.length;
    expect(variance * 64 * 9).toBeCloseTo(1, 1);
    expect(Math.abs(kernel.reduce((sum, value) => sum + value, 0) / kernel.length)).toBeLessThan(0.001);
  });

  test("keep the prediction of the order of its input", async () => {
    const subject = await tinySubject(temporaryFolder());
    const { graph } = unet(TINY, subject.shape, subject.weights);
    const { prediction } = await runGraph(graph, {
      ...conditioningOf(subject),
      sample: torchGenerator(0).randn([2, 4, 8, 8]),
      timestep: { data: Float32Array.of(500), shape: [1] },
    });
    const data = prediction?.data ?? new Float32Array();
    const deviation = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
    expect(deviation).toBeGreaterThan(0.1);
    expect(deviation).toBeLessThan(10);
  });

  test("leave no file behind when their making is interrupted", async () => {
    const folder = temporaryFolder();
    const controller = new AbortController();
    async function* interrupted(): AsyncGenerator<Uint8Array> {
      for await (const piece of randomWeights(unetWeightShapes(TINY), "fp16", controller.signal)) {
        yield piece;
        controller.abort(new Error("stopped by the test"));
      }
    }
    await expect(ensureFile(nodeFiles(folder), "weights.safetensors", interrupted)).rejects.toThrow(
      "stopped by the test",
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test("are not made again where they are", async () => {
    const [files, path] = [nodeFiles(temporaryFolder()), "inner/weights.safetensors"];
    expect(await ensureFile(files, path, () => randomWeights(unetWeightShapes(TINY), "fp16"))).toBe(true);
    expect(
      await ensureFile(files, path, () => {
        throw new Error("made again");
      }),
    ).toBe(false);
  });
});
