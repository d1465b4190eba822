import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { averageMacs } from "../../src/deepcache/cost.ts";
import { cut } from "../../src/deepcache/cut.ts";
import { samplerNamed } from "../../src/diffusion/samplers.ts";
import { architecture } from "../../src/models/architectures.ts";
import { type UNet, unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { addMacs, countMacs } from "../../src/onnx/macs.ts";
import { openScheduler } from "../../src/systems/scheduler.ts";
import { elementCount } from "../../src/tensor/tensor.ts";
import { deepcacheSections } from "../../tools/pages/deepcache-page.ts";
import { readMarked } from "../../tools/pages/marked.ts";
import { fixturePath } from "../support/fixtures.ts";

const page = readFileSync(new URL("../../docs/deepcache.md", import.meta.url), "utf8");
const prose = page.replaceAll(/\s+/g, " ");
const giga = (macs: number, digits = 2): string => (macs / 1e9).toFixed(digits);

function network(name: string): UNet {
  const config = unetConfig(architecture(name).unet);
  const [height, width] = config.sampleSize ?? [64, 64];
  return unet(config, { batch: 1, height, width });
}

test.each(Object.entries(deepcacheSections()))("the part %s is what networks and plans give", (name, content) => {
  expect(readMarked(page, name)).toBe(content);
});

test("operations in the prose are those that are counted", () => {
  const stableDiffusion = network("stable-diffusion-v1-5");
  const full = countMacs(stableDiffusion.graph).reference;
  expect(prose).toContain(`${giga(full)} G (Stable Diffusion 1.5)`);
  expect(prose).toContain(`${giga(countMacs(network("ddpm-cifar10").graph).reference, 1)} G (DDPM CIFAR-10)`);
  expect(prose).toContain(`${giga(countMacs(network("ddpm-lsun").graph).reference, 1)} G (DDPM LSUN)`);
  const { head, tail } = cut(stableDiffusion, 1);
  const [atFive] = averageMacs({ full, cached: addMacs(countMacs(head), countMacs(tail)).reference }, [5], 50);
  expect(prose).toContain(`where branch 1 averages ${giga(atFive?.average ?? 0)} G over 50 steps`);
  expect(prose).toContain(`where its MACs would allow ${atFive?.speedUp.toFixed(2)}×`);
});

test("the cached feature is as large as the page says", () => {
  const { feature } = cut(network("stable-diffusion-v1-5"), 0);
  const guidedInHalfPrecision = elementCount(feature.shape) * 2 * 2;
  expect(prose).toContain(`One tensor of ${guidedInHalfPrecision / 2 ** 20} MiB`);
});

test("samplers make as many evaluations as the page says", async () => {
  const scheduler = await openScheduler(fixturePath("pipelines/sd15/model"));
  const evaluations = (name: "pndm" | "heun", steps: number) =>
    samplerNamed(name, scheduler, { steps }).timesteps.length;
  expect(prose).toContain(`PNDM makes ${evaluations("pndm", 50)} in 50 steps`);
  expect(prose).toContain(`Heun makes ${evaluations("heun", 20)} in 20 steps`);
});
