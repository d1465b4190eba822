import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatParameters, parseParameters } from "../../src/image/parameters.ts";

const TEXT = `a castle on a hill, oil painting
second line
Negative prompt: blurry, low quality
Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model: fluent-scenes, RNG: CPU, DeepCache: "uniform:3:0", Version: deepcache 0.1.0`;

const PARAMETERS = {
  prompt: "a castle on a hill, oil painting\nsecond line",
  negativePrompt: "blurry, low quality",
  settings: {
    Steps: 20,
    Sampler: "Euler a",
    "CFG scale": 7,
    Seed: 1,
    Size: "512x512",
    Model: "fluent-scenes",
    RNG: "CPU",
    DeepCache: "uniform:3:0",
    Version: "deepcache 0.1.0",
  },
};
const inText = (settings: Readonly<Record<string, string | number>>): Record<string, string> =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)]));

test("formatParameters() writes the text that other programs read", () => {
  expect(formatParameters(PARAMETERS)).toBe(TEXT);
});

describe("parseParameters()", () => {
  test("reads it back", () => {
    expect(parseParameters(TEXT)).toEqual({ ...PARAMETERS, settings: inText(PARAMETERS.settings) });
  });

  test("brings back whatever was written", () => {
    const prompt = fc
      .array(
        fc.string({ unit: "grapheme" }).map((line) => line.trim()),
        { maxLength: 3 },
      )
      .map((lines) => lines.join("\n").trim())
      .filter((text) => !/^Negative prompt:/m.test(text) && !/[\r\u2028\u2029]/.test(text));
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9 /-]{0,10}[A-Za-z]$/);
    const value = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.integer().map(String));
    fc.assert(
      fc.property(
        prompt,
        prompt,
        fc.dictionary(name, value, { minKeys: 3, maxKeys: 8, noNullPrototype: true }),
        (positive, negativePrompt, settings) => {
          const written = { prompt: positive, negativePrompt, settings };
          expect(parseParameters(formatParameters(written))).toEqual(written);
        },
      ),
    );
  });

  test("takes a text without settings for a prompt", () => {
    expect(parseParameters("a cat: portrait, a dog: landscape")).toEqual({
      prompt: "a cat: portrait, a dog: landscape",
      negativePrompt: "",
      settings: {},
    });
    expect(parseParameters("")).toEqual({ prompt: "", negativePrompt: "", settings: {} });
  });

  test("keeps a value whose quoting is broken", () => {
    const { settings } = parseParameters('x\nSteps: 1, Seed: 2, Model: "\\x"');
    expect(settings["Model"]).toBe('"\\x"');
  });
});

test.each(["", "x", "a,b", "a:b"])("formatParameters() refuses the setting name %j", (name) => {
  expect(() => formatParameters({ prompt: "", settings: { [name]: 1 } })).toThrow(`Cannot write setting "${name}"`);
});
