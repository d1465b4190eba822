import { describe, expect, test } from "vitest";
import type { Outcome, PolicySummary, Summary } from "../../src/evaluation/analysis/policy-summary.ts";
import { verdictsOf, verdictText } from "../../src/evaluation/analysis/verdicts.ts";
import type { MeasureName } from "../../src/evaluation/measures.ts";
import { reportTable, verdictTable } from "../../src/evaluation/report/table.ts";
import { readMarked, replaceMarked } from "../../tools/pages/marked.ts";
import { qualityTable } from "../../tools/pages/quality-table.ts";

function policy(own: Partial<PolicySummary>): PolicySummary {
  const cache = { kind: "uniform", interval: 5, branch: 0 } as const;
  const cost = { evaluations: 50, full: [0], macs: 1e9, fse: 10 };
  return { name: "p", cache, sampler: "pndm", steps: 50, ...cost, measures: {}, equalCompute: [], ...own };
}

describe("at equal compute", () => {
  const off = { kind: "off" } as const;
  const psnr = (mean: number) => ({ measures: { psnr: { mean, low: mean - 1, high: mean + 1, worst: mean - 2 } } });
  const cached = policy({ name: "uniform:5:0", macs: 100, ...psnr(30) });
  const all = [
    cached,
    policy({ name: "off", cache: off, macs: 500, measures: {} }),
    policy({ name: "steps:9", cache: off, macs: 90, ...psnr(28) }),
    policy({ name: "steps:10", cache: off, macs: 104, ...psnr(29) }),
    policy({ name: "steps:11", cache: off, macs: 106, ...psnr(40) }),
    policy({ name: "ddim:10", cache: off, sampler: "ddim", macs: 100, ...psnr(32) }),
  ];
  const differences: Record<string, [low: number, high: number]> = { "steps:10": [0.5, 1.5], "ddim:10": [-3, -1] };
  const interval = (_: string, __: string, against = "") => {
    const [low, high] = differences[against] ?? [0, 0];
    return { mean: (low + high) / 2, low, high };
  };

  test("a policy is compared with the dearest run of every sampler that costs 5 % more at most", () => {
    const verdicts = verdictsOf(cached, all, interval);
    expect(verdicts.map(({ against, macsRatio }) => [against, macsRatio])).toEqual([
      ["steps:10", 1.04],
      ["ddim:10", 1],
    ]);
    expect(verdicts.map(({ measures }) => measures.psnr?.result)).toEqual(["wins", "loses"]);
    expect(verdictText({ equalCompute: verdicts })).toBe("loses to ddim:10 (PSNR); beats steps:10");
  });

  test("where that costs less, the next larger one is held against it as well", () => {
    const against = (macs: number) => verdictsOf({ ...cached, macs }, all, interval).map((verdict) => verdict.against);
    expect(against(98)).toEqual(["steps:9", "steps:10", "ddim:10"]);
    expect(against(92)).toEqual(["steps:9", "steps:10", "ddim:10"]);
    expect(against(90)).toEqual(["steps:9", "ddim:10"]);
    expect(against(89)).toEqual(["steps:9", "ddim:10"]);
    expect(against(70)).toEqual([]);
  });

  test("another schedule is compared with the uniform one that differs in nothing else", () => {
    const cache = { kind: "centered", interval: 5, center: 15, power: 1.4, branch: 0 } as const;
    const centered = policy({ name: "c", cache, macs: 100, ...psnr(30) });
    const elsewhere = policy({ name: "d", cache: { ...cache, branch: 1 }, macs: 100, ...psnr(30) });
    const against = (own: PolicySummary) => verdictsOf(own, all, interval).map((verdict) => verdict.against);
    expect(against(centered)).toEqual(["steps:10", "ddim:10", "uniform:5:0"]);
    expect(against(elsewhere)).toEqual(["steps:10", "ddim:10"]);
    expect(against({ ...centered, steps: 20 })).not.toContain("uniform:5:0");
    expect(against({ ...centered, macs: 101 })).not.toContain("uniform:5:0");
    const policies = [...all, { ...centered, equalCompute: verdictsOf(centered, all, () => undefined) }];
    const { columns, rows } = verdictTable({ images: 8, policies });
    expect(columns.map(({ title }) => title)).toEqual([
      "policy",
      "against fewer steps of pndm",
      "against fewer steps of ddim",
      "against other caches",
    ]);
    expect(rows).toEqual([["c", "ties with steps:10", "ties with ddim:10", "ties with uniform:5:0"]]);
  });

  test("a forecast is compared with copies at its branch that cost as much, 5 % more or less", () => {
    const copy = { kind: "uniform", interval: 2, branch: 0 } as const;
    const forecast = policy({ name: "f", cache: { ...copy, warmup: 2, forecast: { damping: 0.75 } }, macs: 100 });
    const copies = [94, 95.3, 104.9, 106].map((macs) => policy({ name: `c${macs}`, cache: copy, macs }));
    const others = [
      policy({ name: "deeper", cache: { ...copy, branch: 1 }, macs: 100 }),
      policy({ name: "ddim", cache: copy, sampler: "ddim", macs: 100 }),
      policy({ name: "g", cache: { ...copy, forecast: { damping: 1 } }, macs: 100 }),
    ];
    const against = (own: PolicySummary) =>
      verdictsOf(own, [forecast, ...copies, ...others], interval).map((verdict) => verdict.against);
    expect(against(forecast)).toEqual(["c95.3", "c104.9"]);
    expect(against(copies[1]!)).toEqual([]);
  });

  test("a difference whose interval holds 0 is a tie", () => {
    const verdicts = verdictsOf(cached, all, () => ({ mean: 1, low: -0.1, high: 2 }));
    expect(verdictText({ equalCompute: verdicts })).toBe("ties with steps:10; ties with ddim:10");
  });

  test("so is one without an interval", () => {
    expect(verdictText({ equalCompute: verdictsOf(cached, all, () => undefined) })).toBe(
      "ties with steps:10; ties with ddim:10",
    );
  });

  test("measures that decide are named", () => {
    const verdict = (against: string, results: Partial<Record<MeasureName, Outcome["result"]>>) => ({
      against,
      macsRatio: 1,
      measures: Object.fromEntries(
        Object.entries(results).map(([name, result]) => [name, { result, difference: { mean: 1 } }]),
      ),
    });
    const equalCompute = [
      verdict("steps:9", { psnr: "wins", ssim: "wins" }),
      verdict("ddim:10", { psnr: "wins", clip: "ties" }),
      verdict("deis:10", { psnr: "loses", clip: "wins", fd: "loses" }),
      verdict("lms:10", { psnr: "ties", clip: "ties" }),
      verdict("tcd:10", {}),
    ];
    expect(verdictText({ equalCompute })).toBe(
      "loses to deis:10 (PSNR, Fréchet distance; wins CLIP score); beats steps:9; beats ddim:10 (PSNR); ties with lms:10",
    );
  });

  test("runs without a cache are not judged", () => {
    expect(verdictsOf(policy({ cache: off }), all, interval)).toEqual([]);
    expect(verdictText(policy({}))).toBe("");
  });
});

describe("tables", () => {
  const summary: Summary = {
    images: 8,
    baseline: "off",
    policies: [
      policy({ name: "off", cache: { kind: "off" }, full: [0, 1], evaluations: 2, fse: 2 }),
      policy({ measures: { psnr: { mean: 32.44, low: 31.9, high: 33.1, worst: 30.01 } }, macs: 71.56e9 }),
    ],
  };

  test("reportTable() has a meaning for every column and a cell for every policy", () => {
    const { columns, rows } = reportTable(summary, []);
    expect(columns.every(({ title, meaning }) => title !== "" && meaning !== "")).toBe(true);
    expect(rows).toEqual([
      ["off", "2/2", "1.000", "2.00", "", ""],
      ["p", "1/50", "71.56", "10.00", "32.4 [31.9, 33.1]", "30.0"],
    ]);
  });

  test("qualityTable() is Markdown", () => {
    expect(qualityTable(summary).split("\n")).toEqual([
      "8 images per policy; ± is half the 95 % interval.",
      "",
      "| policy | full evaluations | FSE | PSNR (dB) |",
      "| --- | --- | --- | --- |",
      "| `off` | 2 of 2 | 2.0 |  |",
      "| `p` | 1 of 50 | 10.0 | 32.4 ± 0.6 |",
    ]);
  });

  test("qualityTable() shows changes from the baseline, and speed-ups with the machine", () => {
    const clip = { mean: 89.46, low: 88, high: 91, difference: { mean: -0.54, low: -0.9, high: -0.1 } };
    const changed = { ...summary, policies: [policy({ name: "off" }), policy({ measures: { clip } })] };
    const measured = { secondsPerImage: 1, quartiles: [1, 1] as const, evaluationSeconds: [], batches: 1 };
    const times = { machine: "a CPU", policies: [{ ...measured, name: "p", speedup: 3.456 }] };
    expect(qualityTable(changed, times).split("\n")).toEqual([
      "8 images per policy; ± is half the 95 % interval, in brackets the change from the baseline, paired image by image." +
        " Speed-ups of denoising, medians over batches in turn, on a CPU.",
      "",
      "| policy | full evaluations | FSE | speed-up | CLIP score |",
      "| --- | --- | --- | --- | --- |",
      "| `off` | 1 of 50 | 10.0 |  |  |",
      "| `p` | 1 of 50 | 10.0 | 3.46× | 89.46 (−0.54 ± 0.40) |",
    ]);
  });

  test("replaceMarked() puts a table between its marks and leaves the rest alone", () => {
    const page = "a\n<!-- quality:begin -->\nold\n<!-- quality:end -->\nb";
    const replaced = replaceMarked(page, "quality", "new");
    expect(replaced).toBe("a\n<!-- quality:begin -->\nnew\n<!-- quality:end -->\nb");
    expect(readMarked(replaced, "quality")).toBe("new");
    expect(() => readMarked("a", "quality")).toThrow("Cannot find <!-- quality:begin -->");
  });
});
