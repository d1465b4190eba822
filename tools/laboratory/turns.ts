// Changes a timestep, a factor or a full evaluation of a tuned point in turn, as long as that comes nearer to the reference on
// the pictures of the tuning, and writes what it has found: npm run laboratory:turns -- BUDGET TRIALS OUTPUT
import { readFile, writeFile } from "node:fs/promises";
import { anyPipeline } from "../../src/pipelines/any-pipeline.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openModel } from "../../src/systems/open-model.ts";
import { readProfile } from "../../src/systems/recommended/profile.ts";
import { defaultModelFolder, defaultTokenizerFolder } from "../../src/systems/shipped.ts";
import { tuningSubject } from "../../src/tuning/subject.ts";
import { falling, isFalling } from "../../src/tuning/timesteps.ts";
import { type Trial, trialsOf } from "../../src/tuning/trials.ts";
import type { TrialRun } from "../../src/tuning/tuning.ts";
import { randomOf } from "../fuzz/random.ts";

const EVALUATION = "evaluations/fluent-scenes-forecasts";
const REFERENCE = { sampler: "dpmpp-2m-trailing", steps: 200 } as const;
const PICTURES = 12;
/** A gain below this is not worth another number. */
const LEAST = 0.002;

const [budgetText, trialsText, output] = process.argv.slice(2);
if (output === undefined)
  throw new Error("Give a budget of the profile, a number of trials, and the JSON file to write");

const source = `${EVALUATION}/profile.json`;
const { points } = readProfile(JSON.parse(await readFile(source, "utf8")), source);
const point = points.find(({ budget }) => budget === Number(budgetText));
const cache = point?.cache;
if (point === undefined || cache?.kind !== "listed" || cache.forecast === undefined || !("factors" in cache.forecast)) {
  throw new Error(`"${source}" has no tuned factors at ${budgetText}`);
}
const { branch } = cache;

const opened = await openModel({ path: defaultModelFolder(), tokenizer: defaultTokenizerFolder() });
await using pipe = anyPipeline(opened, "fluent-scenes", { runtime: nodeRuntime(), keepLoaded: true });
const prompts = (await readFile(`${EVALUATION}/tuning-prompts.txt`, "utf8")).split("\n").filter((line) => line !== "");
const calibration = Array.from({ length: PICTURES }, (_, i) => ({
  seed: 40_000 + i,
  shown: { prompt: prompts[i % prompts.length] ?? "" },
}));
const request = { guidanceScale: point.guidanceScale };
const subject = tuningSubject(pipe, { request, sets: { calibration, check: [] }, batch: 4, branch });
const options = {
  reference: REFERENCE,
  look: PICTURES,
  budgets: [],
  samplers: [],
  branch,
  trials: 0,
  timestepTrials: 0,
};
const trials = trialsOf(subject, options, { recall: (_, __, find) => find() }, () => {});

/** What is changed. Factors of full evaluations are 0. */
interface State {
  readonly timesteps: readonly number[];
  readonly full: readonly number[];
  readonly factors: readonly number[];
}

const runOf = ({ timesteps, full, factors }: State): TrialRun => ({
  ...{ sampler: "dpmpp-2m", steps: timesteps.length, timesteps },
  cache: { kind: "listed", full, branch, forecast: { factors } },
});

type Kind = "timestep" | "factor" | "full";

/** One number of a state, and by how much it is changed next. */
interface Coordinate {
  readonly kind: Kind;
  readonly index: number;
  stride: number;
}

/** Below which stride a number is left alone. */
const FINEST: Readonly<Record<Kind, number>> = { timestep: 1, factor: 0.01, full: 1 };

const coordinatesOf = ({ timesteps, full }: State): Coordinate[] =>
  timesteps.slice(1).flatMap((timestep, i): Coordinate[] => {
    const index = i + 1;
    const moved: Coordinate = { kind: "timestep", index, stride: Math.max(2, Math.round(timestep * 0.06)) };
    return [moved, full.includes(index) ? { kind: "full", index, stride: 1 } : { kind: "factor", index, stride: 0.12 }];
  });

function changed(state: State, { kind, index, stride }: Coordinate, sign: number): State | undefined {
  const { timesteps, full, factors } = state;
  if (kind === "timestep") {
    const moved = timesteps.with(index, (timesteps[index] ?? 0) + sign * Math.round(stride));
    return isFalling(moved) ? { ...state, timesteps: moved } : undefined;
  }
  if (kind === "factor") {
    const factor = Number(((factors[index] ?? 0) + sign * stride).toFixed(4));
    return { ...state, factors: factors.with(index, Math.min(2, Math.max(-1, factor))) };
  }
  const to = index + sign;
  if (to < 1 || to >= timesteps.length || full.includes(to)) return undefined;
  const typical = factors.reduce((sum, factor) => sum + factor, 0) / (timesteps.length - full.length);
  const plan = full.map((each) => (each === index ? to : each)).sort((a, b) => a - b);
  return { timesteps, full: plan, factors: factors.with(to, 0).with(index, typical) };
}

const { sampler, steps, timesteps } = point;
const own = timesteps ?? (await trials.timesteps({ sampler, steps, cache: { kind: "off" } }));
const random = randomOf(1);
let state: State = { timesteps: falling(own), full: cache.full, factors: cache.forecast.factors };
let best: Trial = await trials.score(runOf(state));
let coordinates = coordinatesOf(state);
for (let left = Number(trialsText); left > 0; ) {
  const open = coordinates.filter(({ kind, stride }) => stride >= FINEST[kind]);
  const coordinate = open[Math.floor(random.next() * open.length)];
  if (coordinate === undefined) break;
  let helped = false;
  for (const sign of random.next() < 0.5 ? [1, -1] : [-1, 1]) {
    const next = changed(state, coordinate, sign);
    if (next === undefined || helped) continue;
    left--;
    const trial = await trials.score(runOf(next));
    if (trial.score <= best.score + LEAST) continue;
    [state, best, helped] = [next, trial, true];
    console.log(`${left} left: ${coordinate.kind} ${coordinate.index}, ${best.score.toFixed(3)} dB`);
    await writeFile(output, `${JSON.stringify(best, null, 2)}\n`);
  }
  if (coordinate.kind !== "full") coordinate.stride *= helped ? 1.4 : 0.5;
  else if (helped) coordinates = coordinatesOf(state);
  else coordinate.stride = 0;
}
