import { describe, expect, test } from "vitest";
import type { Outcome, PolicySummary, Summary, Verdict } from "../../src/evaluation/analysis/policy-summary.ts";
import { claimsOf } from "../../tools/pages/findings/claims.ts";
import { excerpt } from "../../tools/pages/findings/excerpt.ts";
import { copiesTable, forecastClaims } from "../../tools/pages/findings/forecasts.ts";
import { gridOf, tally } from "../../tools/pages/findings/grid.ts";
import { findingsPlot } from "../../tools/pages/findings/plots.ts";
import { changeTable, costTable, scheduleTable, verdictCounts } from "../../tools/pages/findings/tables.ts";

const [INTERVALS, BRANCHES] = [
  [2, 5],
  [0, 1],
];

interface Made {
  /** What a cache loses of its CLIP score, and how it fares against fewer steps and against the uniform cache. */
  readonly lost: number;
  readonly fewer: Outcome["result"];
  readonly even: Outcome["result"];
}

/** An evaluation of two intervals and two branches that came out in a given way. */
function made({ lost, fewer, even }: Made): Summary {
  const run = (name: string, own: Partial<PolicySummary>, psnr: number, change = 0): PolicySummary => ({
    ...{ name, cache: { kind: "off" }, sampler: "pndm", steps: 50, evaluations: 51, full: [0], macs: 51e9, fse: 51 },
    equalCompute: [],
    measures: {
      psnr: { mean: psnr, low: psnr - 1, high: psnr + 1 },
      clip: { mean: 90 + change, difference: { mean: change, low: change - 0.1, high: change + 0.1 } },
      accuracy: { mean: 1, difference: { mean: 0, low: 0, high: 0 } },
      fd: { mean: 40 },
    },
    ...own,
  });
  const verdict = (against: string, result: Outcome["result"]): Verdict => {
    const outcome = { result, difference: { mean: 1, low: 0.5, high: 1.5 } };
    return { against, macsRatio: 1, measures: { psnr: outcome, clip: outcome, fd: outcome } };
  };
  const samplers = ["pndm", "ddim", "dpmpp-2m"].map((sampler) =>
    run(`${sampler}:20`, { sampler, steps: 20, fse: 20 }, 35),
  );
  const caches = INTERVALS.flatMap((interval) =>
    BRANCHES.flatMap((branch) => {
      const cost = { macs: (51e9 / interval) * (1 + 1.5 * branch), fse: (51 / interval) * (1 + 1.5 * branch) };
      const against = samplers.map(({ name }) => verdict(name, fewer));
      const psnr = 40 - interval + branch;
      const uniform = { kind: "uniform", interval, branch } as const;
      const centered = { kind: "centered", interval, center: 15, power: 1.4, branch } as const;
      const name = `uniform:${interval}:${branch}`;
      return [
        run(name, { cache: uniform, ...cost, equalCompute: against }, psnr, -lost),
        run(
          `centered:${interval}:15:1.4:${branch}`,
          { cache: centered, ...cost, equalCompute: [...against, verdict(name, even)] },
          psnr,
          -lost,
        ),
      ];
    }),
  );
  return {
    images: 8,
    baseline: "off",
    policies: [run("off", { measures: { clip: { mean: 90 } } }, 0), ...caches, ...samplers],
  };
}

const good = made({ lost: 0.2, fewer: "wins", even: "wins" });
const bad = made({ lost: 3, fewer: "loses", even: "loses" });

describe("claimsOf()", () => {
  const claims = (summary: Summary) => claimsOf(gridOf(summary), gridOf(summary), new Map([[0, new Map([[2, 1.8]])]]));

  test("tells what holds from what does not", () => {
    expect(claims(good).map(({ holds }) => holds)).toEqual([true, true, true, true, true, true, true, true, true]);
    expect(claims(bad).map(({ holds }) => holds)).toEqual([false, true, true, true, false, true, false, false, false]);
  });

  test("gives the numbers, with measured speed-ups where there are some", () => {
    const [cheap, interval] = claims(good);
    expect(cheap?.because).toContain(
      "N = 2: 2.00 times fewer operations (measured 1.80 times as fast), CLIP score −0.20 [−0.30, −0.10], 100 % of the captions right; " +
        "N = 5: 5.00 times fewer operations, CLIP score",
    );
    expect(cheap?.because).toContain("The loss is slight up to N = 5");
    expect(claims(bad)[0]?.because).toContain("At no interval is the loss slight");
    expect(interval?.because).toContain(
      "falls in 2 of 2 steps from one interval to the next, from 38.0 dB at N = 2 to 35.0 dB at N = 5",
    );
  });
});

describe("gridOf()", () => {
  test("refuses an evaluation without a baseline or without a policy that is asked for", () => {
    expect(() => gridOf({ images: 8, policies: [] })).toThrow("the evaluation has no baseline");
    const grid = gridOf({ ...good, policies: good.policies.filter(({ name }) => name !== "centered:2:15:1.4:0") });
    expect(() => scheduleTable(grid, "psnr")).toThrow("no centered cache of interval 2 at branch 0");
  });

  test("tally() counts what is there", () => {
    const outcome = (result: Outcome["result"]) => ({ result, difference: { mean: 0 } });
    expect(tally([outcome("wins"), undefined, outcome("ties"), outcome("wins")])).toEqual({
      wins: 2,
      ties: 1,
      loses: 0,
    });
  });
});

test("tables have branches as rows and intervals as columns", () => {
  const grid = gridOf(good);
  expect(costTable(grid).split("\n")).toEqual([
    "| branch | N = 2 | N = 5 |",
    "| --- | --: | --: |",
    "| 0 | 25.5 (2.00×) | 10.2 (5.00×) |",
    "| 1 | 63.8 (0.80×) | 25.5 (2.00×) |",
  ]);
  expect(changeTable(grid, "uniform", "clip")).toContain("| 0 | −0.20 [−0.30, −0.10] |");
  expect(scheduleTable(grid, "psnr")).toContain("| 1 | **+1.0 [+0.5, +1.5]** |");
  expect(verdictCounts(grid)).toContain("| DDIM, CLIP score | 4 / 0 / 0 | 4 / 0 / 0 |");
});

test("forecasts stand beside copies, bold where they are better", () => {
  const [off, , , , uncached] = good.policies;
  const cache = { kind: "uniform", interval: 2, branch: 0 } as const;
  const psnr = { result: "wins", difference: { mean: 3, low: 2, high: 4 } } as const;
  const copy = { ...off!, name: "copied", cache };
  const forecast: PolicySummary = {
    ...{ ...off!, name: "foreseen", cache: { ...cache, forecast: { damping: 0.75 } } },
    equalCompute: [
      { against: "copied", macsRatio: 1, measures: { psnr } },
      { against: uncached!.name, macsRatio: 1, measures: { psnr } },
    ],
  };
  const summary = { ...good, policies: [...good.policies.filter(({ cache }) => cache.kind === "off"), copy, forecast] };
  const [, , ...rows] = copiesTable(summary).split("\n");
  expect(rows).toEqual(["| `foreseen` | 51.0 |  | `copied` | 51.0 |  | **+3.0 [+2.0, +4.0]** |  |  |"]);
  const claims = forecastClaims(summary).filter(({ says }) => says.includes("copied one"));
  expect(claims).toMatchObject([{ holds: true, because: expect.stringContaining("1 pairs: PSNR 1 better") }]);
});

test("excerpt() keeps branch 0 and what it is compared with, and does not judge by the Fréchet distance", () => {
  const { policies } = excerpt(good);
  expect(policies.map(({ name }) => name)).toEqual([
    ...["off", "uniform:2:0", "uniform:5:0", "centered:5:15:1.4:0", "pndm:20", "ddim:20", "dpmpp-2m:20"],
  ]);
  expect(Object.keys(policies[1]?.measures ?? {})).toEqual(["psnr", "clip", "accuracy", "fd"]);
  expect(Object.keys(policies[1]?.equalCompute[0]?.measures ?? {})).toEqual(["psnr", "clip"]);
});

test("a plot stands alone, names caches and samplers, and leaves out what is asked to", () => {
  const plot = findingsPlot(gridOf(good), { measure: "psnr", schedule: "uniform", branches: [0], without: ["pndm"] });
  expect(plot).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" [^>]*><style>/);
  for (const label of ["N=2, b0", "N=5, b0", "DDIM", "DPM-Solver++ (2M)"]) expect(plot).toContain(`>${label}</text>`);
  expect(plot).not.toContain("PNDM");
});
