import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { ARCHITECTURES, type ArchitectureName } from "../../src/models/architectures.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { printGraph } from "../../src/onnx/print.ts";
import { readJson } from "../support/fixtures.ts";

/**
 * One digest for each known U-Net: where a change of the code that emits graphs is meant to leave them as they are, these
 * stay; where it is not, `vitest -u` renews them and the graphs' text shows what changed.
 */
function digest(config: unknown): string {
  const { graph } = unet(unetConfig(config), { batch: 2, height: 32, width: 32 });
  return createHash("sha256").update(printGraph(graph)).digest("hex");
}

const FIXTURES = ["sd15", "sd21", "sdxl", "inpaint9", "fp16", "sharded", "bin", "ddpm-cifar", "ddpm-lsun"];

test("the graphs of the known U-Nets are the ones that were reviewed", () => {
  const names = Object.keys(ARCHITECTURES) as ArchitectureName[];
  expect(Object.fromEntries(names.map((name) => [name, digest(ARCHITECTURES[name].unet)]))).toMatchInlineSnapshot(`
    {
      "bk-sdm-base": "dd568fbc91b5542c1219ea570a832d09649fa0c9da2a6774f4ba7c3c2eebabe6",
      "bk-sdm-small": "337851a6027842a7985eeb934cca1cb1ff4cacae37c31e61bccadb4025c4b028",
      "bk-sdm-tiny": "7e7aadc18081489946cef7d8b10a7f82eecf030e60fcc6fd41c057421a2c68bd",
      "ddpm-cifar10": "aacef6ea42d359c159c8c48cf29d63b18b6eba643c2ebc5605c3adc0d1f2863d",
      "ddpm-lsun": "6f84ffeae9425781252ea4c9245892dbe28101e0425050f53df82f96cacdb3cb",
      "ldm-4-g": "2bff8cd2e572699cc1c28ac2035d7a7d1e2d5c75bd29d0c0e39cb51b32de2705",
      "stable-diffusion-2-1": "119be4d16a9836bf0c7ee10d8a9f1e31681e1dd3f5e8695f417e666a69735d66",
      "stable-diffusion-2-1-base": "119be4d16a9836bf0c7ee10d8a9f1e31681e1dd3f5e8695f417e666a69735d66",
      "stable-diffusion-v1-5": "ad84563df1f0d2c7a2a29161dd7a303f423b1ed186922c954265c6989a442082",
      "stable-diffusion-xl": "df1489f9dcab265610594f285ee601571d1753296fdf1be42e77ad50cee458bb",
    }
  `);
});

test("the graphs of the tiny U-Nets are the ones that were reviewed", () => {
  const entries = FIXTURES.map((name) => [name, digest(readJson(`models/unet-${name}/config.json`))]);
  expect(Object.fromEntries(entries)).toMatchInlineSnapshot(`
    {
      "bin": "0e6a409f05b66f9a369b1867de0398371c3e3b7e320a1735359877605260dd16",
      "ddpm-cifar": "51b443e2d18974fa8bd80ce391f87dbf1e18e2d4087d51c31bf3a10ce5df8f1a",
      "ddpm-lsun": "6d9c256f6cf3b14413f8dfc23988490931faad4f9a6be68dfe87ccd6f3cf9a1b",
      "fp16": "0e6a409f05b66f9a369b1867de0398371c3e3b7e320a1735359877605260dd16",
      "inpaint9": "db91891b576538a0f99d3b6ed3763f95b3944ae361442f0ecda46303eef17a56",
      "sd15": "6221edd71da464dc95bc33f162dd7f0ebe14bd8c104797477a92711a9eabe69b",
      "sd21": "d9e8276342dea02e36db62f1df82848bf2ffda1a0f4a47042c313b26d189a7b8",
      "sdxl": "108c847395cd809b390123c96c51c33dab682b78e3d0c3e56e34e3a8e7db6e3c",
      "sharded": "0e6a409f05b66f9a369b1867de0398371c3e3b7e320a1735359877605260dd16",
    }
  `);
});
