import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  branchOf,
  type CacheOption,
  type CachePolicy,
  type CachePolicyInput,
  formatPolicy,
  fullEvaluations,
  type PolicyName,
  parsePolicy,
  parsePolicyText,
  readCache,
} from "../../src/deepcache/policies.ts";

const branch = fc.nat(20);
const interval = fc.integer({ min: 1, max: 100 });
const power = fc.double({ min: 1, minExcluded: true, max: 10, noNaN: true });
const full = fc
  .uniqueArray(fc.integer({ min: 1, max: 99 }))
  .map((rest) => [0, ...rest.sort((a, b) => a - b)] as readonly number[]);

/** Any policy of each kind. */
const policies: { readonly [K in PolicyName]: fc.Arbitrary<Extract<CachePolicy, { kind: K }>> } = {
  off: fc.constant({ kind: "off" }),
  uniform: fc.record({ kind: fc.constant("uniform" as const), interval, branch }),
  centered: fc.record({ kind: fc.constant("centered" as const), interval, center: fc.nat(100), power, branch }),
  quadratic: fc.record({ kind: fc.constant("quadratic" as const), interval, power, branch }),
  listed: fc.record({ kind: fc.constant("listed" as const), full, branch }),
};
const kinds = Object.entries(policies) as [PolicyName, fc.Arbitrary<CachePolicy>][];

describe.each(kinds)("a policy of kind %s", (_, any) => {
  test("survives JSON and text", () => {
    fc.assert(
      fc.property(any, (policy) => {
        expect(parsePolicy(JSON.parse(JSON.stringify(policy)))).toEqual(policy);
        expect(parsePolicyText(formatPolicy(policy))).toEqual(policy);
        expect(readCache(policy)).toEqual(policy);
        expect(readCache(formatPolicy(policy))).toEqual(policy);
      }),
    );
  });

  test("survives the text that older versions wrote", () => {
    fc.assert(
      fc.property(any, (policy) => {
        expect(parsePolicyText(formerText(policy))).toEqual(policy);
      }),
    );
  });
});

test("every policy with a cache has branch 0 where none is given", () => {
  const { off: _, ...caches } = policies;
  fc.assert(
    fc.property(fc.oneof(...Object.values(caches)), ({ branch, ...rest }) => {
      const policy = { ...rest, branch: 0 };
      expect(parsePolicy(rest)).toEqual(policy);
      expect(parsePolicy({ ...rest, branch: undefined })).toEqual(policy);
      expect(formatPolicy(rest)).toBe(formatPolicy(policy));
      expect(parsePolicyText(formatPolicy({ ...rest, branch }).replace(/:\d+$/, ""))).toEqual(policy);
    }),
  );
});

/** What images carried before policies had one text. */
function formerText({ kind, ...values }: CachePolicy): string {
  const written = Object.entries(values).map(
    ([name, value]) => `${name}=${Array.isArray(value) ? value.join(" ") : value}`,
  );
  return [...written, `mode=${kind === "listed" ? "steps" : kind}`].join(", ");
}

test.each<[CachePolicyInput, string]>([
  [{ kind: "off" }, "off"],
  [{ kind: "uniform", interval: 5, branch: 1 }, "uniform:5:1"],
  [{ kind: "uniform", interval: 5 }, "uniform:5:0"],
  [{ kind: "centered", interval: 5, center: 15, power: 1.4, branch: 0 }, "centered:5:15:1.4:0"],
  [{ kind: "quadratic", interval: 5, power: 1.5, branch: 0 }, "quadratic:5:1.5:0"],
  [{ kind: "listed", full: [0, 5, 9], branch: 2 }, "listed:0/5/9:2"],
])("formatPolicy(%j) is %s", (policy, text) => {
  expect(formatPolicy(policy)).toBe(text);
});

test.each<[string, CachePolicy]>([
  ["mode=off", { kind: "off" }],
  ["interval=5, branch=0, mode=uniform", { kind: "uniform", interval: 5, branch: 0 }],
  [
    "interval=5, center=15, power=1.4, branch=1, mode=centered",
    { kind: "centered", interval: 5, center: 15, power: 1.4, branch: 1 },
  ],
  ["full=0 5 9, branch=2, mode=steps", { kind: "listed", full: [0, 5, 9], branch: 2 }],
  ["full:0/10/20:1", { kind: "listed", full: [0, 10, 20], branch: 1 }],
  [" uniform : 3 : 0 ", { kind: "uniform", interval: 3, branch: 0 }],
])("parsePolicyText() reads %j", (text, policy) => {
  expect(parsePolicyText(text)).toEqual(policy);
});

test("parsePolicy() reads lists by the name that they had", () => {
  expect(parsePolicy({ kind: "steps", full: [0, 3], branch: 1 })).toEqual({ kind: "listed", full: [0, 3], branch: 1 });
});

describe("readCache()", () => {
  test.each<[CacheOption, CachePolicy]>([
    [3, { kind: "uniform", interval: 3, branch: 0 }],
    ["3", { kind: "uniform", interval: 3, branch: 0 }],
    [1, { kind: "off" }],
    ["off", { kind: "off" }],
    ["uniform:3", { kind: "uniform", interval: 3, branch: 0 }],
    [
      { kind: "uniform", interval: 3 },
      { kind: "uniform", interval: 3, branch: 0 },
    ],
  ])("takes %j", (value, policy) => {
    expect(readCache(value)).toEqual(policy);
  });

  test.each([0, -3, 2.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses %d as an interval", (value) => {
    const message = `Cannot use cache interval ${value}: it must be an integer of at least 1`;
    expect(() => readCache(value)).toThrow(new RangeError(message));
  });

  test.each([true, null, undefined, [3]])("refuses %j, which is no policy", (value) => {
    expect(() => readCache(value as unknown as CacheOption)).toThrow(TypeError);
    expect(() => readCache(value as unknown as CacheOption)).toThrow("Cannot read a cache policy from");
  });
});

describe("parsePolicy() refuses", () => {
  test.each<[unknown, string]>([
    [undefined, 'Cannot read a cache policy from undefined: it must be an object with a "kind"'],
    [[], 'Cannot read a cache policy from []: it must be an object with a "kind"'],
    [
      {},
      'Cannot read a cache policy of kind undefined: allowed are "off", "uniform", "centered", "quadratic", "listed"',
    ],
    [{ kind: "toString" }, 'of kind "toString"'],
    [{ kind: "Centred" }, 'did you mean "centered"?'],
    [{ kind: "off", branch: 0 }, 'Cannot read "branch" in a cache policy of kind "off": it has no settings'],
    [
      { kind: "centered", interval: 3, center: 1, pow: 2 },
      'Cannot read "pow" in a cache policy of kind "centered": it has "interval", "center", "power", "branch", "warmup", "forecast"; did you mean "power"?',
    ],
    [{ kind: "uniform", Interval: 3 }, 'did you mean "interval"?'],
    [{ kind: "uniform", interval: 3, x: 1 }, 'of kind "uniform": it has "interval", "branch"'],
    [{ kind: "uniform", branch: 0 }, 'Cannot read undefined as "interval" of a cache policy of kind "uniform"'],
    [{ kind: "uniform", interval: 3, branch: null }, 'Cannot read null as "branch"'],
    [{ kind: "uniform", interval: "3" }, 'Cannot read "3" as "interval"'],
    [{ kind: "listed", full: [0, "1"] }, "it must be an array of numbers"],
    [{ kind: "listed", full: 0 }, "it must be an array of numbers"],
  ])("%j", (data, message) => {
    expect(() => parsePolicy(data)).toThrow(TypeError);
    expect(() => parsePolicy(data)).toThrow(message);
  });

  test("a name far from all others without a guess", () => {
    expect(() => parsePolicy({ kind: "uniform", interval: 3, x: 1 })).not.toThrow("did you mean");
  });

  test.each<[CachePolicyInput, string]>([
    [{ kind: "uniform", interval: 0 }, "Cannot use cache interval 0: it must be an integer of at least 1"],
    [{ kind: "uniform", interval: -2 }, "Cannot use cache interval -2"],
    [{ kind: "uniform", interval: 2, branch: -1 }, "Cannot use cache branch -1: it must be an integer of at least 0"],
    [{ kind: "uniform", interval: 2, branch: 0.5 }, "Cannot use cache branch 0.5"],
    [{ kind: "centered", interval: 2, center: -1, power: 2 }, "Cannot use cache center -1"],
    [{ kind: "centered", interval: 2, center: 1, power: 1 }, "cache power 1: it must be above 1 and at most 10"],
    [{ kind: "quadratic", interval: 2, power: 11 }, "cache power 11: it must be at least 1 and at most 10"],
    [
      { kind: "listed", full: [] },
      "Cannot use full evaluations []: they must be increasing integers that start with 0",
    ],
    [{ kind: "listed", full: [1, 2] }, "Cannot use full evaluations [1, 2]"],
    [{ kind: "listed", full: [0, 5, 4] }, "Cannot use full evaluations [0, 5, 4]"],
    [{ kind: "listed", full: [0, 1.5] }, "Cannot use full evaluations [0, 1.5]"],
  ])("settings out of range: %j", (policy, message) => {
    expect(() => parsePolicy(policy)).toThrow(RangeError);
    expect(() => parsePolicy(policy)).toThrow(message);
  });
});

describe("parsePolicyText() refuses", () => {
  test.each([
    [
      "fast please",
      'Cannot read the cache policy "fast please": "fast please" is none of off, uniform, centered, quadratic, listed',
    ],
    ["unifrom:3", 'did you mean "uniform"?'],
    ["steps:25", '"steps" is none of off'],
    ["uniform", 'Cannot read the cache policy "uniform": "uniform" is written uniform:INTERVAL[:BRANCH]'],
    ["uniform:3:0:1", '"uniform" is written uniform:INTERVAL[:BRANCH]'],
    ["centered:5:15", '"centered" is written centered:INTERVAL:CENTER:POWER[:BRANCH]'],
    ["off:0", '"off" is written off'],
    ["listed", '"listed" is written listed:0/10/20[:BRANCH]'],
    ["full", '"full" is written listed:0/10/20[:BRANCH]'],
    ["uniform:three", '"three" is not a number'],
    ["uniform::0", '"" is not a number'],
    ["listed:", '"" is not a list such as 0/10/20'],
    ["listed:0/x", '"0/x" is not a list such as 0/10/20'],
    ["listed:1/2", "Cannot use full evaluations [1, 2]"],
    ["uniform:0", "Cannot use cache interval 0"],
    ["interval=nine, branch=0, mode=uniform", "Cannot use cache interval NaN"],
  ])("%j", (text, message) => {
    expect(() => parsePolicyText(text)).toThrow(RangeError);
    expect(() => parsePolicyText(text)).toThrow(message);
  });
});

test("a policy as it may be given plans as the settled one", () => {
  expect(fullEvaluations({ kind: "uniform", interval: 3 }, 7)).toEqual([0, 3, 6]);
  expect(() => fullEvaluations({ kind: "uniform", interval: 3, pow: 1 } as CachePolicyInput, 7)).toThrow('"pow"');
});

test("branchOf() is where the network is cut, and nothing without a cache", () => {
  expect(branchOf({ kind: "uniform", interval: 3, branch: 2 })).toBe(2);
  expect(branchOf({ kind: "off" })).toBeUndefined();
});
