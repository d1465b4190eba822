import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import type { CheckpointFile } from "../../src/checkpoint/checkpoint-file.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { readTensor } from "../../src/checkpoint/read-tensor.ts";
import { fixturePath } from "../support/fixtures.ts";

const open = async (name: string, at?: string) => readCheckpoint(await fileSource(fixturePath(name)), { at });

/** Tensors by where they lie, whoever opened their file. */
const places = ({ weights }: CheckpointFile): unknown =>
  [...weights].map(([name, { span, ...weight }]) => [name, { ...weight, ...span, source: span.source.path }]);

/** What the DDPM code saves while it trains: network, optimizer, epoch, step, averages. */
describe.each(["original/pickle/training.pth", "original/pickle/training-legacy.pth"])("the parts of %s", (name) => {
  test("are chosen by their place in the list", async () => {
    const [network, averages, last] = [await open(name, "0"), await open(name, "4"), await open(name, "-1")];
    expect([...network.weights.keys()]).toEqual(["module.0.weight", "module.0.bias"]);
    expect(places(last)).toEqual(places(averages));
    const weight = async ({ weights }: typeof network) => (await readTensor(weights.get("module.0.weight")!)).data;
    expect(await weight(averages)).toEqual((await weight(network)).map((value) => 2 * value));
    expect(network.metadata).toEqual({ "2": "7", "3": "4321" });
  });

  test("all come with their place where none is chosen", async () => {
    const { weights } = await open(name);
    expect([...weights.keys()]).toEqual(expect.arrayContaining(["0.module.0.weight", "4.module.0.bias"]));
  });

  test("are found at any depth", async () => {
    const { weights } = await open(name, "1.state.0");
    expect([...weights.keys()]).toEqual(["step", "exp_avg", "exp_avg_sq"]);
    expect(weights.get("exp_avg")?.shape).toEqual([2, 3]);
  });

  test.each([
    ["5", 'it has nothing at "5" (it is a list of 5)'],
    ["-6", 'it has nothing at "-6" (it is a list of 5)'],
    ["1.state.9", 'it has nothing at "1.state.9" (it is a list of 5)'],
    ["length", 'it has nothing at "length" (it is a list of 5)'],
    ["0.module", 'it has nothing at "0.module" (it is a list of 5)'],
    ["", 'it has nothing at "" (it is a list of 5)'],
    ["2", 'its "2" does not hold tensors by name (it is a list of 5)'],
    ["1.param_groups", 'its "1.param_groups" does not hold tensors by name (it is a list of 5)'],
  ])("are refused where there are none: %s", async (at, message) => {
    await expect(open(name, at)).rejects.toThrow(`Cannot read "${fixturePath(name)}": ${message}`);
  });
});

test("a dictionary of a trainer can be named", async () => {
  const name = "original/ldm/model.ckpt";
  expect(places(await open(name, "state_dict"))).toEqual(places(await open(name)));
  await expect(open(name, "optimizer")).rejects.toThrow(
    'it has nothing at "optimizer" (it holds "epoch", "global_step", "state_dict")',
  );
});

test("a safetensors file has no parts", async () => {
  await expect(open("models/unet-fp16/io.safetensors", "0")).rejects.toThrow(
    /^Cannot read "0" of ".*": only files of torch hold one thing in another$/,
  );
});
