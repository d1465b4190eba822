import { describe, expect, test } from "vitest";
import { openEmbedding } from "../../src/adapters/embedding/open-embedding.ts";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { joinPieces } from "../../src/checkpoint/bytes/join-pieces.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors/encode-safetensors.ts";
import { withAdapters } from "../../src/systems/parts/with-adapters.ts";
import { openStableDiffusion } from "../../src/systems/stable-diffusion.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { fixturePath } from "../support/fixtures.ts";
import { randomTensor } from "../support/random-tensor.ts";

const file = async (tensors: Readonly<Record<string, Tensor>>) =>
  memorySource(await joinPieces(encodeSafetensors(tensors)), "style.safetensors");

const one = { name: "tiny", widths: [8] };
const two = { name: "tiny-xl", widths: [8, 12] };

describe("an embedding", () => {
  test("is a vector, or several, for the one text encoder of a model", async () => {
    const [vector, vectors] = [randomTensor([8], 1), randomTensor([3, 8], 2)];
    expect(await openEmbedding(await file({ "<toy>": vector }), one)).toEqual([{ data: vector.data, shape: [1, 8] }]);
    expect(await openEmbedding(await file({ emb_params: vectors }), one)).toEqual([vectors]);
  });

  test("has vectors for both text encoders of SDXL, whatever their order in the file", async () => {
    const [left, right] = [randomTensor([2, 8], 1), randomTensor([2, 12], 2)];
    expect(await openEmbedding(await file({ clip_g: right, clip_l: left }), two)).toEqual([left, right]);
  });

  const begin = 'Cannot use the embedding "style.safetensors" with ';
  test.each([
    [
      "of another width",
      one,
      { emb_params: randomTensor([3, 10], 1) },
      '"tiny": its "emb_params" is [3,10], vectors of width 8 are what its text encoder takes',
    ],
    [
      "of another width for one of two text encoders",
      two,
      { clip_l: randomTensor([1, 8], 1), clip_g: randomTensor([1, 8], 2) },
      '"tiny-xl": its "clip_g" is [1,8], vectors of width 12 are what its second text encoder takes',
    ],
    [
      "of SDXL for a model with one text encoder",
      one,
      { clip_l: randomTensor([1, 8], 1), clip_g: randomTensor([1, 12], 2) },
      '"tiny": it has the tensors "clip_l", "clip_g", one is required, for its text encoder',
    ],
    [
      "of one text encoder for SDXL",
      two,
      { emb_params: randomTensor([1, 8], 1) },
      '"tiny-xl": it has the tensor "emb_params", "clip_l" and "clip_g" are required, for its two text encoders',
    ],
  ])("%s is refused", async (_, target, tensors, message) => {
    await expect(openEmbedding(await file(tensors as Readonly<Record<string, Tensor>>), target)).rejects.toThrow(
      begin + message,
    );
  });

  test("is not named as another one, nor without a name", async () => {
    const model = await openStableDiffusion(fixturePath("pipelines/sd15/model"));
    const path = fixturePath("adapters/sd15/embedding-a1111.pt");
    await expect(withAdapters(model, { embeddings: { Style: path, style: path } })).rejects.toThrow(
      'Cannot use two embeddings named "style": upper and lower case are the same in prompts',
    );
    await expect(withAdapters(model, { embeddings: { " ": path } })).rejects.toThrow(
      "Cannot use an embedding without a name",
    );
  });
});
