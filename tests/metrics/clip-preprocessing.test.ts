import { describe, expect, test } from "vitest";
import { rgbImage } from "../../src/image/rgb-image.ts";
import {
  clipPixels,
  openClipPreprocessing,
  transformersPreprocessing,
} from "../../src/metrics/clip/clip-preprocessing.ts";
import { SAME_FORMULA } from "../support/assertions/tolerances.ts";
import { readFixture } from "../support/fixtures.ts";
import { meshedPicture } from "../support/models/named-weights.ts";

const expected = readFixture("perceptual/expected.safetensors");
const transformers = (config: object) => transformersPreprocessing(config, 24, "preprocessor_config.json");
const openClip = (config: object) => openClipPreprocessing({ preprocess_cfg: config }, 24, "open_clip_config.json");

describe("clipPixels()", () => {
  const layouts = { transformers: transformers({}), "open-clip": openClip({}) };

  test.each(expected.names.filter((name) => name.startsWith("pixels.")))("gives the reference's %s", (name) => {
    const [, layout, size = ""] = name.split(".") as [string, keyof typeof layouts, string];
    const [width = 0, height = 0] = size.split("x").map(Number);
    const { data, shape } = clipPixels([meshedPicture(width, height)], layouts[layout]);
    expect({ data, shape: shape.slice(1) }).toBeCloseTensor(expected.tensor(name), SAME_FORMULA);
  });

  test("normalizes every channel by itself, planes one after the other", () => {
    const preprocessing = transformersPreprocessing(
      { image_mean: [0.5, 0.4, 0.3], image_std: [0.2, 0.25, 0.5] },
      1,
      "preprocessor_config.json",
    );
    const { data, shape } = clipPixels([rgbImage(1, 1, Uint8Array.of(255, 0, 51))], preprocessing);
    expect(shape).toEqual([1, 3, 1, 1]);
    expect([...data]).toEqual([2.5, -1.6, -0.2].map(Math.fround));
  });

  test("takes images of several sizes at once", () => {
    const images = [meshedPicture(24, 24), meshedPicture(61, 37)];
    const { data, shape } = clipPixels(images, transformers({}));
    expect(shape).toEqual([2, 3, 24, 24]);
    const second = { data: data.subarray(3 * 24 * 24), shape: [3, 24, 24] };
    expect(second).toBeCloseTensor(expected.tensor("pixels.transformers.61x37"), SAME_FORMULA);
  });

  test("changes both sides where a model squashes its images", () => {
    const squashed = clipPixels([meshedPicture(61, 37)], openClip({ resize_mode: "squash" }));
    expect(squashed).toEqual(
      clipPixels([meshedPicture(61, 37)], transformers({ size: { height: 24, width: 24 }, do_center_crop: false })),
    );
    expect(squashed).not.toEqual(clipPixels([meshedPicture(61, 37)], openClip({})));
  });
});

describe("transformersPreprocessing()", () => {
  test("is CLIP's where nothing is said", () => {
    expect(transformers({})).toEqual({
      ...{ size: 24, resize: { kind: "shortest", to: 24 }, filter: "bicubic", odd: "first" },
      mean: [0.48145466, 0.4578275, 0.40821073],
      deviation: [0.26862954, 0.26130258, 0.27577711],
    });
  });

  test.each([
    [
      { size: 30, crop_size: 24 },
      { kind: "shortest", to: 30 },
    ],
    [
      { size: { shortest_edge: 30 }, crop_size: { height: 24, width: 24 } },
      { kind: "shortest", to: 30 },
    ],
    [{ size: { height: 30, width: 30 } }, { kind: "squash", to: 30 }],
    [
      { size: { shortest_edge: 24 }, do_resize: true, rescale_factor: 0.00392156862745098 },
      { kind: "shortest", to: 24 },
    ],
  ])("reads %j", (config, resize) => {
    expect(transformers(config).resize).toEqual(resize);
  });

  test("reads filter and normalization", () => {
    expect(transformers({ resample: 2, image_mean: [0, 0.1, 0.2], image_std: 0.5 })).toMatchObject({
      ...{ filter: "bilinear", mean: [0, 0.1, 0.2], deviation: [0.5, 0.5, 0.5] },
    });
  });

  test.each([
    [{ do_resize: false }, '"do_resize" is false where true is required'],
    [{ do_normalize: false }, '"do_normalize" is false where true is required'],
    [{ do_rescale: false }, '"do_rescale" is false'],
    [{ rescale_factor: 1 }, '"rescale_factor" is 1 where 0.00392'],
    [
      { do_center_crop: false },
      '"do_center_crop" is false where true, or a size of 24 in both directions, is required',
    ],
    [{ do_center_crop: false, size: { height: 30, width: 30 } }, '"do_center_crop" is false'],
    [{ crop_size: 32 }, '"crop_size" is 32 where 24, as the model sees, is required'],
    [{ crop_size: { height: 24, width: 20 } }, '"crop_size" is {"height":24,"width":20}'],
    [{ size: 20 }, '"size" is 20 where 24 at least, the same in both directions, is required'],
    [{ size: { height: 24, width: 30 } }, '"size" is {"height":24,"width":30}'],
    [{ size: { longest_edge: 24 } }, '"width" is missing where a whole number is required'],
    [{ size: "large" }, "where an object is required"],
    [{ resample: 1 }, '"resample" is 1 where 2 or 3 is required'],
    [{ image_std: [0.5, 0, 0.5] }, '"image_std" is [0.5,0,0.5]'],
    [{ image_mean: [0.5] }, '"image_mean" is [0.5]'],
  ])("refuses %j", (config, message) => {
    expect(() => transformers(config)).toThrow(message);
  });
});

describe("openClipPreprocessing()", () => {
  test.each([
    [{}, { resize: { kind: "shortest", to: 24 }, filter: "bicubic", odd: "even" }],
    [{ interpolation: "random", size: 24 }, { filter: "bicubic" }],
    [
      { interpolation: "bilinear", resize_mode: "squash" },
      { filter: "bilinear", resize: { kind: "squash", to: 24 } },
    ],
    [
      { mean: [0.5, 0.5, 0.5], std: [0.1, 0.2, 0.3] },
      { mean: [0.5, 0.5, 0.5], deviation: [0.1, 0.2, 0.3] },
    ],
  ])("reads %j", (config, preprocessing) => {
    expect(openClip(config)).toMatchObject(preprocessing);
  });

  test.each([
    [{ resize_mode: "longest" }, '"resize_mode" is "longest" where "shortest" or "squash" is required'],
    [{ interpolation: "nearest" }, '"interpolation" is "nearest"'],
    [{ size: 30 }, '"size" is 30 where 24 is required'],
    [{ std: [0, 1, 1] }, '"std" is [0,1,1]'],
  ])("refuses %j", (config, message) => {
    expect(() => openClip(config)).toThrow(message);
  });
});
