import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import {
  type AutoencoderKlConfig,
  autoencoderDecoder,
  autoencoderEncoder,
  autoencoderKlConfig,
} from "../../src/models/autoencoder/autoencoder-kl.ts";
import { reduction } from "../../src/models/autoencoder/image-coder.ts";
import { decodeLatents, klLatentDecoder } from "../../src/pipelines/latents/latent-decoder.ts";
import { loadLatentEncoder } from "../../src/pipelines/latents/latent-encoder.ts";
import { imageGrid, latentGrid, mapTiles, needsTiles, type TileGrid } from "../../src/pipelines/latents/tiling.ts";
import { type SessionSlot, sessionSlot } from "../../src/pipelines/run/session-slot.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import type { Session } from "../../src/runtime/runtime.ts";
import { concatenate, selectRows } from "../../src/tensor/concatenate.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { coderShape, labels } from "../models/graphs.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { countingRuntime } from "../support/runtimes/counting-runtime.ts";

const rowsOf = (tensor: Tensor): Tensor[] =>
  Array.from({ length: tensor.shape[0] ?? 0 }, (_, row) => selectRows(tensor, [row]));

const open = async (name: string) => {
  const { config, weights } = await openComponent(fixturePath(`models/${name}`));
  return { config: autoencoderKlConfig(config), weights };
};

describe.each(["vae-kl", "vae-kl-sdxl"])("%s in tiles", (name) => {
  const io = readFixture(`tiling/${name}.safetensors`);

  const gridFor = (label: string, config: AutoencoderKlConfig): TileGrid =>
    latentGrid({ tileOverlapFactor: io.tensor(`${label}overlap`).data[0] }, config.sampleSize, reduction(config));

  test.each(labels(io))("%s decodes as the reference does", async (label) => {
    const { config, weights } = await open(name);
    await using slot = sessionSlot<Session>();
    const decoded: Tensor[] = [];
    for (const latent of rowsOf(io.tensor(`${label}latent`))) {
      const load = (tile: Tensor) => nodeRuntime().load(autoencoderDecoder(config, coderShape(tile), weights));
      decoded.push(await mapTiles(latent, gridFor(label, config), runTile(slot, load, "latent", "image")));
    }
    expect(concatenate(decoded as [Tensor, ...Tensor[]], 0)).toBeCloseTensor(io.tensor(`${label}decode`), NETWORK_CALL);
  });

  test.each(labels(io))("%s encodes as the reference does", async (label) => {
    const { config, weights } = await open(name);
    await using slot = sessionSlot<Session>();
    const load = (tile: Tensor) => nodeRuntime().load(autoencoderEncoder(config, coderShape(tile), weights));
    const grid = imageGrid(gridFor(label, config));
    const mean = await mapTiles(io.tensor(`${label}image`), grid, runTile(slot, load, "image", "mean"));
    expect(mean).toBeCloseTensor(io.tensor(`${label}mean`), NETWORK_CALL);
  });
});

/** Runs a network on one tile, loading it when the size changes. */
const runTile =
  (slot: SessionSlot<Session>, load: (tile: Tensor) => Promise<Session>, input: string, output: string) =>
  async (tile: Tensor): Promise<Tensor> => {
    const session = await slot.get(tile.shape.join(), () => load(tile));
    const outputs = await session.run({ [input]: tile });
    return outputs[output]!.download();
  };

describe("pictures in tiles", () => {
  const latents = (): Tensor => readFixture("tiling/vae-kl.safetensors").tensor("case0.latent"); // [2, 4, 10, 11]

  async function decode(tileSampleMinSize: number | undefined) {
    const loads: string[] = [];
    const runtime = countingRuntime(nodeRuntime(), { beforeLoad: (graph) => loads.push(graph) });
    const vae = await open("vae-kl");
    const tiling = tileSampleMinSize === undefined ? undefined : latentGrid({ tileSampleMinSize }, undefined, 8);
    await using slot = sessionSlot<Session>();
    const images = await decodeLatents(
      runtime,
      klLatentDecoder({ vae, family: "stable-diffusion" }, tiling),
      slot,
      latents(),
    );
    return { images, loads: loads.length, runs: runtime.runs.length, tensors: runtime.tensors };
  }

  test("are those of the whole picture, bit for bit, where one tile holds them", async () => {
    const [whole, oneTile] = [await decode(undefined), await decode(88)];
    expect(oneTile.images).toEqual(whole.images);
    expect(oneTile).toMatchObject({ loads: 1, runs: 2, tensors: 0 });
  });

  test("load a session for each size of tile and not for each tile", async () => {
    // Two latents of 10 × 11: 16 tiles each, the last ones of a single row or two columns, so of four sizes.
    const { images, ...counts } = await decode(32);
    expect(counts).toEqual({ loads: 8, runs: 32, tensors: 0 });
    expect(images.map(({ width, height }) => [width, height])).toEqual([
      [88, 80],
      [88, 80],
    ]);
  });

  test("may be encoded in tiles", async () => {
    const runtime = countingRuntime(nodeRuntime());
    const vae = await open("vae-kl");
    const io = readFixture("tiling/vae-kl.safetensors");
    await using encoder = loadLatentEncoder(runtime, { vae }, { tiling: latentGrid({}, vae.config.sampleSize, 8) });
    const draw = await encoder.encode(io.tensor("case0.image"));
    const mean = io.tensor("case0.mean");
    const { scalingFactor } = vae.config;
    const latent = draw((shape) => ({ data: new Float32Array(mean.data.length), shape }));
    expect(latent).toBeCloseTensor({ ...mean, data: mean.data.map((value) => value * scalingFactor) }, NETWORK_CALL);
    expect(runtime.sessions).toBe(1);
  });
});

describe("latentGrid()", () => {
  test("takes diffusers' defaults: tiles of the training size that share a quarter", () => {
    expect(latentGrid({}, 512, 8)).toEqual({ tile: 64, stride: 48, scale: 8 });
    expect(latentGrid({}, undefined, 8)).toEqual({ tile: 64, stride: 48, scale: 8 });
    expect(latentGrid({ tileSampleMinSize: 256, tileOverlapFactor: 0 }, 512, 8)).toEqual({
      tile: 32,
      stride: 32,
      scale: 8,
    });
  });

  test("never stands still, however large the overlap", () => {
    expect(latentGrid({ tileOverlapFactor: 0.999 }, 8, 8)).toEqual({ tile: 1, stride: 1, scale: 8 });
  });

  test("refuses sizes and overlaps that make no tiles", () => {
    for (const size of [0, 4, 12, 8.5, Number.NaN]) {
      expect(() => latentGrid({ tileSampleMinSize: size }, 512, 8)).toThrow(
        new RangeError(`Cannot decode in tiles of ${size} pixels: a positive multiple of 8 is required`),
      );
    }
    for (const factor of [-0.1, 1, Number.NaN]) {
      expect(() => latentGrid({ tileOverlapFactor: factor }, 512, 8)).toThrow(
        new RangeError(`Cannot overlap tiles by a factor of ${factor}: a number from 0 to below 1 is required`),
      );
    }
  });

  test("leaves a picture whole that is no larger than a tile", () => {
    const picture = (height: number, width: number): Tensor => ({
      data: new Float32Array(0),
      shape: [1, 4, height, width],
    });
    const grid = latentGrid({}, 512, 8);
    expect([picture(64, 64), picture(65, 8), picture(8, 65)].map((one) => needsTiles(one, grid))).toEqual([
      false,
      true,
      true,
    ]);
  });
});

test("tiles without overlap are put side by side as they are", async () => {
  const picture: Tensor = { data: Float32Array.from({ length: 2 * 5 * 7 }, (_, i) => i), shape: [1, 2, 5, 7] };
  expect(await mapTiles(picture, { tile: 3, stride: 3, scale: 1 }, async (tile) => tile)).toEqual(picture);
});

test("tiles that agree where they overlap are not changed by blending", async () => {
  const picture: Tensor = { data: Float32Array.from({ length: 2 * 9 * 7 }, (_, i) => i % 16), shape: [1, 2, 9, 7] };
  expect(await mapTiles(picture, { tile: 4, stride: 2, scale: 1 }, async (tile) => tile)).toEqual(picture);
});
