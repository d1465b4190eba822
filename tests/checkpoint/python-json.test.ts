import { describe, expect, test } from "vitest";
import { strictJson } from "../../src/checkpoint/text/python-json.ts";

describe("strictJson()", () => {
  test.each([
    ['\uFEFF{"a": 1}', { a: 1 }],
    ['{"a": Infinity, "b": [-Infinity, NaN]}', { a: Infinity, b: [-Infinity, "NaN"] }],
    [
      '{"NaN": "Infinity", "b": "\\" NaN", "c": "\\\\", "d": Infinity}',
      { NaN: "Infinity", b: '" NaN', c: "\\", d: Infinity },
    ],
  ])("reads %j", (text, value) => {
    expect(JSON.parse(strictJson(text))).toEqual(value);
  });

  test.each(['{"a": NaNs}', '{"a": "Infinity', "Infinity\\"])("leaves %j for the parser to refuse", (text) => {
    expect(() => JSON.parse(strictJson(text))).toThrow(SyntaxError);
  });

  test("takes time in proportion to what it reads", () => {
    const started = performance.now();
    strictJson(`NaN${'"\\'.repeat(500_000)}`);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
