import type { PolicySummary } from "../../../src/evaluation/analysis/policy-summary.ts";
import { type MeasureName, measureNamed } from "../../../src/evaluation/measures.ts";
import {
  type Grid,
  measureOf,
  RIVALS,
  type Rival,
  SAMPLER_NAMES,
  SCHEDULES,
  type Tally,
  tally,
  wordsOf,
} from "./grid.ts";
import { changeText, signedText } from "./tables.ts";

/** Something that the paper says or suggests, and whether the embedded model bears it out. */
export interface Claim {
  readonly says: string;
  readonly holds: boolean;
  /** The numbers that decide. */
  readonly because: string;
}

/** Speed-ups that were measured, by branch and interval. */
export type Speedups = ReadonlyMap<number, ReadonlyMap<number, number>>;

/** Images of a cache are as good if their CLIP score falls by less than this much. */
const SLIGHT = 1;
/** In dB: nearer than this nobody sees a difference. */
const INVISIBLE = 50;
/** How many more operations still count as the same cost, as in verdicts. */
const SAME_COST = 1.05;
/** What the paper says holds where it holds this often. */
const MOSTLY = 0.75;

/** What the paper says, held against an evaluation of all branches and one of branch 0 with more images. */
export const claimsOf = (grid: Grid, shallow: Grid, speedups: Speedups): Claim[] => [
  cheap(shallow, speedups),
  falling(grid, "interval"),
  falling(grid, "branch"),
  shallowIsWorth(grid),
  nonUniform(grid),
  nonUniformGrows(grid),
  ...RIVALS.map((rival) => fewerSteps(grid, shallow, rival)),
];

function cheap(grid: Grid, speedups: Speedups): Claim {
  const parts = grid.intervals.map((interval) => {
    const policy = grid.at("uniform", interval, 0);
    const [score, accuracy] = [measureOf(policy, "clip"), measureOf(policy, "accuracy")];
    const speedup = speedups.get(0)?.get(interval);
    const change = score.difference ?? { mean: 0, low: 0, high: 0 };
    const text =
      `N = ${interval}: ${(grid.baseline.macs / policy.macs).toFixed(2)} times fewer operations` +
      `${speedup === undefined ? "" : ` (measured ${speedup.toFixed(2)} times as fast)`}, CLIP score ${changeText(change, 2)}, ` +
      `${percent(accuracy.mean)} of the captions right`;
    const right = accuracy.difference ?? { mean: 0, low: 0, high: 0 };
    return { interval, text, isSlight: change.mean > -SLIGHT && right.low <= 0 && right.high >= 0 };
  });
  const slight = parts.filter(({ isSlight }) => isSlight).map(({ interval }) => interval);
  return {
    says: "Several times fewer operations cost little quality.",
    holds: slight.length > 1,
    because:
      `At branch 0, over ${grid.summary.images} images, against a CLIP score of ${measureOf(grid.baseline, "clip").mean.toFixed(2)} without a cache: ` +
      `${parts.map(({ text }) => text).join("; ")}. ` +
      (slight.length === 0
        ? "At no interval is the loss slight"
        : `The loss is slight up to N = ${Math.max(...slight)}`) +
      ` (less than ${SLIGHT} point of CLIP score, no more captions wrong).`,
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** Whether PSNR falls with the interval, or rises with the branch, at every step. */
function falling(grid: Grid, along: "interval" | "branch"): Claim {
  const psnr = (interval: number, branch: number): number =>
    measureOf(grid.at("uniform", interval, branch), "psnr").mean;
  const lines =
    along === "interval"
      ? grid.branches.map((branch) => grid.intervals.map((interval) => -psnr(interval, branch)))
      : grid.intervals.map((interval) => grid.branches.map((branch) => psnr(interval, branch)));
  const steps = lines.flatMap((line) => line.slice(1).map((value, i) => value > line[i]!));
  const rising = steps.filter(Boolean).length;
  const count = `in ${rising} of ${steps.length} steps from one ${along} to the next`;
  const range = (interval: number): string =>
    `${psnr(interval, grid.branches[0]!).toFixed(1)} dB at branch ${grid.branches[0]} to ${psnr(interval, grid.branches.at(-1)!).toFixed(1)} dB at branch ${grid.branches.at(-1)}`;
  const nearly = grid.branches.find((branch) => grid.intervals.every((interval) => psnr(interval, branch) > INVISIBLE));
  const saved = nearly === undefined ? 0 : Math.max(...grid.intervals.map((n) => savedShare(grid, n, nearly)));
  return along === "interval"
    ? {
        says: "Quality falls gradually as the interval grows.",
        holds: rising === steps.length,
        because:
          `PSNR against the uncached images falls ${count}, ` +
          `from ${psnr(grid.intervals[0]!, 0).toFixed(1)} dB at N = ${grid.intervals[0]} to ${psnr(grid.intervals.at(-1)!, 0).toFixed(1)} dB at N = ${grid.intervals.at(-1)} at branch 0.`,
      }
    : {
        says: "A deeper branch costs more and gives better images.",
        holds: rising === steps.length,
        because:
          `PSNR rises ${count}: at N = ${grid.intervals.at(-1)} from ${range(grid.intervals.at(-1)!)}.` +
          (nearly === undefined
            ? ""
            : ` From branch ${nearly} on it is above ${INVISIBLE} dB at every interval, where ${percent(saved)} of the operations are saved at most.`),
      };
}

const savedShare = (grid: Grid, interval: number, branch: number): number =>
  1 - grid.at("uniform", interval, branch).macs / grid.baseline.macs;

/** Whether small intervals at shallow branches come nearer than large ones at deeper branches that cost as much. */
function shallowIsWorth(grid: Grid): Claim {
  const caches = grid.intervals.flatMap((interval) =>
    grid.branches.map((branch) => ({ interval, branch, policy: grid.at("uniform", interval, branch) })),
  );
  const pairs = caches.flatMap((own) => {
    const rivals = caches.filter(
      ({ interval, branch, policy }) =>
        branch < own.branch && interval < own.interval && policy.macs <= own.policy.macs * SAME_COST,
    );
    if (rivals.length === 0) return [];
    const best = Math.max(...rivals.map(({ policy }) => measureOf(policy, "psnr").mean));
    return [{ own, isBeaten: best >= measureOf(own.policy, "psnr").mean }];
  });
  const beaten = pairs.filter(({ isBeaten }) => isBeaten).length;
  const others = pairs.filter(({ isBeaten }) => !isBeaten).map(({ own }) => `\`${own.policy.name}\``);
  return {
    says: "For the same cost, a small interval at a shallow branch is better than a large one at a deeper branch.",
    holds: beaten >= MOSTLY * pairs.length,
    because:
      `${pairs.length} uniform caches have another at a shallower branch, with a smaller interval, that takes no more operations (5 % are let pass). ` +
      `Of ${beaten} of them that other is at least as near to the uncached images` +
      `${others.length === 0 ? "../../../src/evaluation/findings" : `; the exceptions are ${others.join(", ")}.`}`,
  };
}

/** Whether the non-uniform schedule wins more often than it loses, at every interval. */
function nonUniform(grid: Grid): Claim {
  const byInterval = grid.intervals.map((interval) => ({
    interval,
    counts: tally(
      grid.branches.map((branch) => grid.outcome(grid.at("centered", interval, branch), "uniform", "psnr")),
    ),
  }));
  const tuned = grid.summary.policies.filter(
    (policy) =>
      policy.cache.kind === "centered" &&
      grid.intervals.every((n) => grid.at("centered", n, 0) !== policy) &&
      policy.cache.branch === 0,
  );
  const chosen = tuned.flatMap((policy) => {
    const outcome = grid.outcome(policy, "uniform", "psnr");
    if (outcome === undefined || policy.cache.kind !== "centered") return [];
    const { mean, low = mean, high = mean } = outcome.difference;
    return `${changeText({ mean, low, high }, 1)} dB at N = ${policy.cache.interval} (centre ${policy.cache.center}, power ${policy.cache.power})`;
  });
  return {
    says: "The non-uniform schedule is better than the uniform one, whatever the interval.",
    holds: byInterval.every(({ counts }) => counts.wins > counts.loses),
    because:
      `Centre 15 and power 1.4, as in the paper's Stable Diffusion code, against uniform at the same cost, by PSNR over the ${grid.branches.length} branches: ` +
      `${byInterval.map(({ interval, counts }) => `N = ${interval}: ${wordsOf(counts)}`).join("; ")}.` +
      (chosen.length === 0
        ? ""
        : ` With centre and power chosen by PSNR on other images, at branch 0: ${chosen.join(", ")}.`),
  };
}

/** Whether the non-uniform schedule gains more at large intervals than at small ones. */
function nonUniformGrows(grid: Grid): Claim {
  const gains = grid.intervals.map((interval) => {
    const differences = grid.branches.map(
      (branch) => grid.outcome(grid.at("centered", interval, branch), "uniform", "psnr")?.difference.mean ?? 0,
    );
    return differences.reduce((total, value) => total + value, 0) / differences.length;
  });
  const shown = grid.intervals.map((interval, i) => `${signedText(gains[i]!, 1)} dB at N = ${interval}`);
  return {
    says: "What the non-uniform schedule gains grows with the interval.",
    holds: gains.every((gain, i) => i === 0 || gain >= gains[i - 1]!),
    because: `PSNR against uniform at the same cost, mean over the branches: ${shown.join(", ")}.`,
  };
}

/** Whether caches beat fewer steps of one sampler at equal compute. */
function fewerSteps(grid: Grid, shallow: Grid, rival: Exclude<Rival, "uniform">): Claim {
  const count = (from: Grid, measure: MeasureName, policies: readonly PolicySummary[]): Tally =>
    tally(policies.map((policy) => from.outcome(policy, rival, measure)));
  const all = grid.intervals.flatMap((interval) =>
    grid.branches.flatMap((branch) => SCHEDULES.map((schedule) => grid.at(schedule, interval, branch))),
  );
  const few = shallow.intervals.map((interval) => shallow.at("uniform", interval, 0));
  const measures = ["psnr", "clip", "fd"] as const;
  const text = (from: Grid, policies: readonly PolicySummary[]): string =>
    `${measures.map((measure) => `${measureNamed(measure).label} ${wordsOf(count(from, measure, policies))}`).join("; ")}.`;
  const [psnr, clip] = [count(shallow, "psnr", few), count(shallow, "clip", few)];
  const decided = psnr.wins + clip.wins + psnr.loses + clip.loses;
  return {
    says: `At equal compute a cache at branch 0 beats fewer steps of ${SAMPLER_NAMES[rival]}.`,
    holds: psnr.wins + clip.wins >= MOSTLY * decided && decided > 0,
    because:
      `Uniform caches (${few.length}, ${shallow.summary.images} images): ${text(shallow, few)} ` +
      `All branches and both schedules (${all.length}, ${grid.summary.images} images): ${text(grid, all)}`,
  };
}
