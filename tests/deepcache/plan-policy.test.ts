import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type CachePolicy,
  checkBranch,
  formatPolicy,
  parsePolicy,
  parsePolicyText,
} from "../../src/deepcache/policy.ts";

const branch = fc.nat(20);
const interval = fc.integer({ min: 1, max: 100 });
const policies: fc.Arbitrary<CachePolicy> = fc.oneof(
  fc.constant<CachePolicy>({ kind: "off" }),
  fc.record({ kind: fc.constant("uniform" as const), interval, branch }),
  fc.record({
    kind: fc.constant("centered" as const),
    interval,
    center: fc.nat(100),
    power: fc.double({ min: 1, minExcluded: true, max: 10, noNaN: true }),
    branch,
  }),
  fc.record({
    kind: fc.constant("quadratic" as const),
    interval,
    power: fc.double({ min: 1, max: 10, noNaN: true }),
    branch,
  }),
  fc.record({
    kind: fc.constant("steps" as const),
    full: fc.uniqueArray(fc.integer({ min: 1, max: 99 })).map((rest) => [0, ...rest.sort((a, b) => a - b)]),
    branch,
  }),
);

test("a policy survives JSON and text", () => {
  fc.assert(
    fc.property(policies, (policy) => {
      expect(parsePolicy(JSON.parse(JSON.stringify(policy)))).toEqual(policy);
      expect(parsePolicyText(formatPolicy(policy))).toEqual(policy);
    }),
  );
});

test.each<[CachePolicy, string]>([
  [{ kind: "off" }, "mode=off"],
  [{ kind: "uniform", interval: 5, branch: 0 }, "interval=5, branch=0, mode=uniform"],
  [
    { kind: "centered", interval: 5, center: 15, power: 1.4, branch: 0 },
    "interval=5, center=15, power=1.4, branch=0, mode=centered",
  ],
  [{ kind: "quadratic", interval: 5, power: 1.5, branch: 0 }, "interval=5, power=1.5, branch=0, mode=quadratic"],
  [{ kind: "steps", full: [0, 5, 9], branch: 2 }, "full=0 5 9, branch=2, mode=steps"],
])("formatPolicy(%j) is %s", (policy, text) => {
  expect(formatPolicy(policy)).toBe(text);
});

describe("parsePolicy() refuses", () => {
  test.each<[unknown, string]>([
    [undefined, 'Cannot read a cache policy from undefined: it must be an object with a "kind"'],
    [[], 'Cannot read a cache policy from []: it must be an object with a "kind"'],
    [
      {},
      'Cannot read a cache policy of kind undefined: allowed are "off", "uniform", "centered", "quadratic", "steps"',
    ],
    [{ kind: "toString" }, 'of kind "toString"'],
    [{ kind: "off", branch: 0 }, 'Cannot read "branch" in a cache policy of kind "off": it has no settings'],
    [{ kind: "uniform", interval: 3, branch: 0, pow: 2 }, 'Cannot read "pow" in a cache policy of kind "uniform"'],
    [{ kind: "uniform", interval: 3 }, 'Cannot read undefined as "branch" of a cache policy of kind "uniform"'],
    [{ kind: "uniform", interval: "3", branch: 0 }, 'Cannot read "3" as "interval"'],
    [{ kind: "steps", full: [0, "1"], branch: 0 }, "it must be an array of numbers"],
  ])("%j", (data, message) => {
    expect(() => parsePolicy(data)).toThrow(TypeError);
    expect(() => parsePolicy(data)).toThrow(message);
  });

  test("settings out of range", () => {
    expect(() => parsePolicy({ kind: "uniform", interval: 0, branch: 0 })).toThrow(RangeError);
    expect(() => parsePolicyText("interval=nine, branch=0, mode=uniform")).toThrow("Cannot use cache interval NaN");
  });

  test("text that is not name=value", () => {
    expect(() => parsePolicyText("fast please")).toThrow('Cannot read "fast please" in the cache policy "fast please"');
  });
});

test("checkBranch() names the branches that exist", () => {
  expect(() => checkBranch(11, 12)).not.toThrow();
  expect(() => checkBranch(0, 12)).not.toThrow();
  for (const branch of [12, -1, 0.5, Number.NaN]) {
    expect(() => checkBranch(branch, 12)).toThrow(`Cannot cut at branch ${branch}: this network has branches 0 to 11`);
  }
});
