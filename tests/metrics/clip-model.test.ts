import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { clipInstrument } from "../../src/evaluation/measuring/instruments/clip.ts";
import { openClip } from "../../src/metrics/clip/clip-model.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture, readJson } from "../support/fixtures.ts";
import { writeClipFolder, writeOpenClipFolder } from "../support/models/clip-folder.ts";
import { meshedPicture, namedPicture } from "../support/models/named-weights.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-clip-model-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A new folder that `write` fills. */
function made(name: string, ...writes: readonly ((place: string) => void)[]): string {
  const place = join(folder, name);
  for (const write of writes) write(place);
  return place;
}

const CONFIG = "open_clip_config.json";
const WEIGHTS = "open_clip_pytorch_model.bin";
const config = (change: object) => (place: string) => {
  const { model_cfg: model, ...rest } = readJson(`perceptual/open-clip/${CONFIG}`) as { model_cfg: object };
  writeFileSync(join(place, CONFIG), JSON.stringify({ ...rest, model_cfg: { ...model, ...change } }));
};

describe("openClip()", () => {
  test("scores images of any size by a model of OpenCLIP as the reference does", async () => {
    const model = await openClip(made("open-clip", writeOpenClipFolder));
    expect(model).toMatchObject({ config: { projection: 8 }, preprocessing: { size: 16, mean: [0.5, 0.4, 0.3] } });
    await using instrument = clipInstrument(nodeRuntime(), model, 2);
    const images = [meshedPicture(61, 37), meshedPicture(37, 61), namedPicture("noise", 16, 16)];
    const items = ["a fox", "an owl", "a fox"].map((text, index) => ({ index, seed: index, text }));
    const parts = [
      { images: images.slice(0, 2), items: items.slice(0, 2), baseline: undefined },
      { images: images.slice(2), items: items.slice(2), baseline: undefined },
    ];
    const scores: number[] = [];
    for (const part of parts) scores.push(...((await instrument.measure(part)).clip ?? []));
    const cosines = { data: Float32Array.from(scores, (score) => score / 100), shape: [3] };
    const reference = readFixture("perceptual/expected.safetensors").tensor("open-clip.cosines");
    expect(cosines).toBeCloseTensor(reference, NETWORK_CALL);
  });

  test("takes OpenCLIP's files of a folder that holds both, and transformers' where OpenCLIP's weights are missing", async () => {
    const both = made("both", writeClipFolder, writeOpenClipFolder);
    expect((await openClip(both)).config.projection).toBe(8);
    rmSync(join(both, WEIGHTS));
    const other = await openClip(both);
    expect(other.config.projection).not.toBe(8);
    expect(other.preprocessing.odd).toBe("first");
  });

  test.each<[string, readonly ((place: string) => void)[], string]>([
    [
      "no-weights",
      [writeOpenClipFolder, (place) => rmSync(join(place, WEIGHTS))],
      "looked for open_clip_model, open_cl",
    ],
    ["no-config", [writeOpenClipFolder, (place) => rmSync(join(place, CONFIG))], "it has no config.json"],
    ["no-words", [writeOpenClipFolder, (place) => rmSync(join(place, "merges.txt"))], "it needs vocab.json and merges"],
    [
      "deeper",
      [writeOpenClipFolder, config({ text_cfg: { vocab_size: 54, width: 16, heads: 2, layers: 2 } })],
      `deeper", renamed as transformers would, as CLIPModel's text tower: "text_model.encoder.layers.1.layer_norm1.weight" [16] is missing`,
    ],
    ["wider", [writeOpenClipFolder, config({ embed_dim: 9 })], '"visual_projection" has shape [16,8] where [16,9]'],
    [
      "other-weights",
      [writeOpenClipFolder, (place) => copyFileSync(fixturePath("perceptual/alex-lin.pth"), join(place, WEIGHTS))],
      "; and 17 more",
    ],
    [
      "other-names",
      [writeOpenClipFolder, (place) => renameSync(join(place, WEIGHTS), join(place, "pytorch_model.bin"))],
      "Cannot find weights",
    ],
  ])("refuses %s", async (name, writes, message) => {
    await expect(openClip(made(name, ...writes))).rejects.toThrow(message);
  });
});
