import { describe, expect, test } from "vitest";
import { parseScenario, parseScenarios } from "../../src/pipelines/run/scenario.ts";

describe("a scenario", () => {
  test.each([
    ["off", { policy: { kind: "off" } }],
    ["uniform:3", { policy: { kind: "uniform", interval: 3, branch: 0 } }],
    ["uniform:3:0", { policy: { kind: "uniform", interval: 3, branch: 0 } }],
    ["centered:5:15:1.4:1", { policy: { kind: "centered", interval: 5, center: 15, power: 1.4, branch: 1 } }],
    ["quadratic:10:1.5:2", { policy: { kind: "quadratic", interval: 10, power: 1.5, branch: 2 } }],
    ["listed:0/10/20", { policy: { kind: "listed", full: [0, 10, 20], branch: 0 } }],
    ["full:0/10/20:1", { policy: { kind: "listed", full: [0, 10, 20], branch: 1 } }],
    ["steps:25", { policy: { kind: "off" }, steps: 25 }],
    ["uniform:5:0+int8", { policy: { kind: "uniform", interval: 5, branch: 0 }, precision: "int8" }],
    ["int8+ddim:20", { policy: { kind: "off" }, steps: 20, sampler: "ddim", precision: "int8" }],
    ["dpmpp-2m:20", { policy: { kind: "off" }, steps: 20, sampler: "dpmpp-2m" }],
    ["dpmpp_2m:20", { policy: { kind: "off" }, steps: 20, sampler: "dpmpp-2m" }],
    [
      "dpmpp-2m:20+uniform:2:0",
      { policy: { kind: "uniform", interval: 2, branch: 0 }, steps: 20, sampler: "dpmpp-2m" },
    ],
    [" steps:10 + uniform:2:1 ", { policy: { kind: "uniform", interval: 2, branch: 1 }, steps: 10 }],
  ])("is read from %j", (text, expected) => {
    expect(parseScenario(text)).toEqual({ name: text.trim(), ...expected });
  });

  test.each([
    ["", '"" is none of off, uniform, centered'],
    ["uniforn:3:0", '"uniforn" is none of off, uniform, centered'],
    ["uniform", '"uniform" is written uniform:INTERVAL[:BRANCH]'],
    ["uniform:3:0:1", '"uniform" is written uniform:INTERVAL[:BRANCH]'],
    ["ddim:20+uniform", 'Cannot read the cache policy "uniform"'],
    ["uniform:three:0", '"three" is not a number'],
    ["uniform::0", '"" is not a number'],
    ["off:1", '"off" is written off'],
    ["int8+float32", "it gives the precision twice"],
    ["uniform:0:0", "Cannot use cache interval 0"],
    ["uniform:3:-1", "Cannot use cache branch -1"],
    ["centered:5:15:1:1", "Cannot use cache power 1"],
    ["full:1/2:0", "must be increasing integers that start with 0"],
    ["steps:0", "0 steps are no whole number from 1"],
    ["steps:2.5", "2.5 steps are no whole number from 1"],
    ["steps:many", '"many" is not a number'],
    ["steps:", '"" is not a number'],
    ["steps:0/10:0", '"steps" is written steps:STEPS'],
    ["ddim", '"ddim" is written ddim:STEPS'],
    ["off+uniform:3:0", "it has two cache policies"],
    ["steps:10+ddim:10", "it gives the steps twice"],
  ])("is refused as %j", (text, message) => {
    expect(() => parseScenario(text)).toThrow(message);
    expect(() => parseScenario(text)).toThrow(RangeError);
  });
});

test("a list of scenarios keeps its order", () => {
  expect(parseScenarios("off, uniform:5:0,steps:25").map(({ name }) => name)).toEqual([
    "off",
    "uniform:5:0",
    "steps:25",
  ]);
});

test("a list does not run the same scenario twice", () => {
  expect(() => parseScenarios("off,steps:5,off")).toThrow('Cannot run the scenario "off" twice');
  expect(() => parseScenarios("uniform:3,off,uniform:3:0")).toThrow(
    'Cannot run the scenario "uniform:3:0" twice in one list: "uniform:3" is the same',
  );
});
