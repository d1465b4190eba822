import { describe, expect, test } from "vitest";
import { captionAccuracy, parseCaption } from "../../src/metrics/scene/scene-caption.ts";

const labels = { nouns: ["fox", "cat", "car", "rose", "doughnut"], colours: ["teal", "red", "gray", "orange"] };

describe("parseCaption()", () => {
  test.each([
    ["a fox on a teal background", "fox", "teal"],
    ["A Fox ON A TEAL Background.", "fox", "teal"],
    ["  a  fox,\ton a\nteal   background!", "fox", "teal"],
    ["a fox on a grey background", "fox", "gray"],
    ["a donut on an orange background", "doughnut", "orange"],
    ["a red fox on a teal background", "fox", "teal"],
    ["a fox, red", "fox", "red"],
    ["fox", "fox", undefined],
    ["a teal background", undefined, "teal"],
    ["a fox and another fox on a red background", "fox", "red"],
    ["a fox and a cat on a red background", undefined, "red"],
    ["a fox between red and teal", "fox", undefined],
    ["a fox on a red background and a teal background", "fox", undefined],
    ["a carrot, a catfish and a t-rose on redwood", undefined, undefined],
    ["a fox-like thing", undefined, undefined],
    ["a fóx on a blue background", undefined, undefined],
    ["a constructor on a toString background", undefined, undefined],
    ["", undefined, undefined],
  ])("reads %j as %s on %s", (prompt, noun, colour) => {
    expect(parseCaption(prompt, labels)).toEqual({ noun, colour });
  });
});

describe("captionAccuracy()", () => {
  const prompt = "a fox on a teal background";
  test.each([
    [prompt, "fox", "teal", { noun: 1, colour: 1, both: 1 }],
    [prompt, "cat", "teal", { noun: 0, colour: 1, both: 0 }],
    [prompt, "fox", "red", { noun: 1, colour: 0, both: 0 }],
    [prompt, "cat", "red", { noun: 0, colour: 0, both: 0 }],
    ["a fox", "fox", "red", { noun: 1, colour: undefined, both: undefined }],
    ["a castle on a red background", "fox", "red", { noun: undefined, colour: 1, both: undefined }],
    ["a castle by the sea", "fox", "red", { noun: undefined, colour: undefined, both: undefined }],
  ])("judges by %j an image taken for a %s on %s", (asked, noun, colour, verdict) => {
    expect(captionAccuracy(asked, { noun, colour }, labels)).toEqual(verdict);
  });
});
