import { describe, expect, test } from "vitest";
import { ClassNameError, className, classNamed } from "../../src/systems/imagenet/classes.ts";
import { IMAGENET_LABELS } from "../../src/systems/imagenet/labels.ts";

test("there are 1000 classes in the order of ILSVRC 2012", () => {
  expect(IMAGENET_LABELS).toHaveLength(1000);
  const known = { 0: "tench", 207: "golden retriever", 281: "tabby", 388: "giant panda", 444: "bicycle-built-for-two" };
  const later = { 497: "church", 705: "passenger car", 851: "television", 980: "volcano", 999: "toilet tissue" };
  for (const [id, name] of Object.entries({ ...known, ...later })) expect(className(Number(id))).toBe(name);
  expect(IMAGENET_LABELS.flat().every((label) => /^[A-Za-z0-9][A-Za-z0-9 '.-]*$/.test(label))).toBe(true);
});

describe("classNamed()", () => {
  test.each<[string | number, number]>([
    ["golden retriever", 207],
    ["Golden_Retriever", 207],
    [" tabby cat ", 281],
    ["Tinca tinca", 0],
    ["teddy bear", 850],
    ["potter's wheel", 739],
    ["cardigan", 474],
    ["Cardigan", 264],
    ["missile", 657],
    ["0", 0],
    [" 999 ", 999],
    [42, 42],
  ])("finds %j", (name, id) => {
    expect(classNamed(name)).toBe(id);
  });

  test("finds every class by one of its names", () => {
    const found = new Set<number>();
    for (const label of IMAGENET_LABELS.flat()) {
      try {
        found.add(classNamed(label));
      } catch (error) {
        expect(error, label).toBeInstanceOf(ClassNameError);
        expect(String(error)).toContain("Cannot tell which");
      }
    }
    // These have no name but one that they share.
    expect(IMAGENET_LABELS.flatMap((_, id) => (found.has(id) ? [] : [id]))).toEqual([134, 517, 638]);
  });

  test.each<[string | number, string]>([
    [
      "crane",
      'Cannot tell which ImageNet class "crane" is: it names 134 (crane), 517 (crane); give the number instead',
    ],
    ["maillot", "it names 638 (maillot), 639 (maillot, tank suit)"],
    [
      "retriever",
      'Cannot find an ImageNet class called "retriever": near it are 205 (flat-coated retriever), 206 (curly',
    ],
    ["goldn retriver", "near it are 207 (golden retriever)"],
    ["qqqqqqqqqqqq", 'Cannot find an ImageNet class called "qqqqqqqqqqqq": give a number from 0 to 999'],
    ["", 'Cannot find an ImageNet class called "": give a number from 0 to 999'],
    ["1000", "Cannot use ImageNet class 1000: a whole number from 0 to 999 or a name is required"],
    ["-1", "Cannot use ImageNet class -1"],
    [1.5, "Cannot use ImageNet class 1.5"],
    [Number.NaN, "Cannot use ImageNet class NaN"],
  ])("refuses %j", (name, message) => {
    expect(() => classNamed(name)).toThrow(ClassNameError);
    expect(() => classNamed(name)).toThrow(message);
  });
});
