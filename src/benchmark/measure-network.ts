import type { PartMacs } from "../deepcache/cost.ts";
import type { Conditioning, Evaluation, PartName } from "../denoisers/evaluation.ts";
import { type CutAs, type LoadedUNet, loadUNet, startDenoiser } from "../denoisers/unet-run.ts";
import { torchGenerator } from "../tensor/torch-generator.ts";
import { type Times, timesOf } from "./statistics.ts";
import { networkOf, type Subject, sampleShape } from "./subject.ts";
import type { TimedRuntime } from "./timed-runtime.ts";

/** The world outside: clock, memory, the wish to stop. */
export interface Probe {
  /** Milliseconds since the process started. */
  readonly now: () => number;
  /** Largest resident memory of the process so far, in bytes. */
  readonly peakBytes: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** Evaluations of one loaded network, full and cached in turn. */
export interface NetworkTimes {
  /** From the description of the graph to sessions that are ready. */
  readonly loadSeconds: number;
  /** When the first evaluation was done, in seconds since the process started. */
  readonly firstDone: number;
  /** From the beginning of loading to the end of the first evaluation. */
  readonly firstSinceLoad: number;
  readonly full: Times;
  /** None where the network is uncut. */
  readonly cached: Times | undefined;
  /** None where evaluations run in one piece. */
  readonly parts: Readonly<Partial<Record<PartName, Times>>>;
  /** Of all timed evaluations together. */
  readonly wallSeconds: number;
  readonly runtimeSeconds: number;
}

/** A network that was loaded to be measured. */
export interface OpenedNetwork extends AsyncDisposable {
  readonly loaded: LoadedUNet;
  readonly loadSeconds: number;
  readonly loadStart: number;
}

/** Loads the network of `subject`, cut where a branch is given. */
export async function openNetwork(
  runtime: TimedRuntime,
  subject: Subject,
  cutAs: CutAs,
  { now }: Probe,
): Promise<OpenedNetwork> {
  const loadStart = now();
  const loaded = await loadUNet(runtime, networkOf(subject, cutAs.branch), cutAs);
  return {
    loaded,
    loadStart,
    loadSeconds: (now() - loadStart) / 1000,
    [Symbol.asyncDispose]: () => loaded[Symbol.asyncDispose](),
  };
}

export interface NetworkOptions {
  readonly conditioning: Conditioning;
  /** Full and cached evaluation take turns this many times, after turns that warm up and are not counted. */
  readonly repeat: number;
  readonly probe: Probe;
  readonly onEvaluation?: ((done: number, of: number) => void) | undefined;
}

/** Turns that warm up go on for this long: small networks need some until processor and caches have settled. */
const WARM_UP_MILLISECONDS = 500;
/** But no more than so many. */
const MOST_WARM_UP = 50;

/** Any timestep does: how long an evaluation takes does not depend on it. */
const TIMESTEP = 500;

/** A network that is measured, and what it was loaded by. */
export interface LoadedNetwork {
  readonly runtime: TimedRuntime;
  readonly network: OpenedNetwork;
}

/** Times full and cached evaluations of an opened network in turn. */
export async function measureNetwork(
  runtime: TimedRuntime,
  subject: Subject,
  network: OpenedNetwork,
  options: NetworkOptions,
): Promise<NetworkTimes> {
  const [times] = await measureInTurn([{ runtime, network }], subject, options);
  return times as NetworkTimes;
}

/** The same for several networks, which take turns with one another. */
export async function measureInTurn(
  networks: readonly LoadedNetwork[],
  subject: Subject,
  { onEvaluation, repeat, ...options }: NetworkOptions,
): Promise<readonly NetworkTimes[]> {
  const measuring = networks.map((loaded) => startMeasuring(loaded, subject, { ...options, repeat }));
  try {
    for (const { warmUp } of measuring) await warmUp();
    const all = repeat * measuring.reduce((sum, { period }) => sum + period, 0);
    let done = 0;
    for (let i = 0; i < repeat; i++) {
      for (const { turn, period } of measuring) {
        await turn(true);
        done += period;
        onEvaluation?.(done, all);
      }
    }
    return measuring.map(({ times }) => times());
  } finally {
    for (const { end } of measuring) end();
  }
}

function startMeasuring(
  { runtime, network: { loaded, loadSeconds, loadStart } }: LoadedNetwork,
  subject: Subject,
  { conditioning, repeat, probe }: NetworkOptions,
) {
  const { now, signal } = probe;
  const period = loaded.kind === "cut" ? 2 : 1;
  const inOnePiece = loaded.kind === "whole" || loaded.sessions.kind === "pair";
  const full = new Set(Array.from({ length: MOST_WARM_UP + repeat }, (_, turn) => period * turn));
  let last: Evaluation | undefined;
  const observe = (evaluation: Evaluation): void => {
    last = evaluation;
  };
  const denoiser = startDenoiser(loaded, { full }, { conditioning, observe, signal, now });
  const sample = torchGenerator(0).randn(sampleShape(subject));
  const times = { full: [] as number[], cached: [] as number[] };
  const parts = new Map<PartName, number[]>();
  const sums = { wallSeconds: 0, runtimeSeconds: 0 };
  let firstDone = 0;
  /** One evaluation; gives when it was done. */
  const evaluate = async (counted: boolean): Promise<number> => {
    signal?.throwIfAborted();
    runtime.takeSeconds();
    const start = now();
    await denoiser.predict(sample, TIMESTEP);
    const end = now();
    if (!counted || last === undefined) return end;
    const seconds = (end - start) / 1000;
    times[last.full ? "full" : "cached"].push(seconds);
    sums.wallSeconds += seconds;
    sums.runtimeSeconds += runtime.takeSeconds();
    if (inOnePiece) return end;
    for (const [name, value] of Object.entries(last.seconds) as [PartName, number][]) {
      parts.set(name, [...(parts.get(name) ?? []), value]);
    }
    return end;
  };
  const turn = async (counted: boolean): Promise<void> => {
    for (let i = 0; i < period; i++) await evaluate(counted);
  };
  return {
    period,
    turn,
    async warmUp() {
      firstDone = await evaluate(false);
      if (period > 1) await evaluate(false);
      for (let i = 1; i < MOST_WARM_UP && now() - firstDone < WARM_UP_MILLISECONDS; i++) await turn(false);
    },
    times: (): NetworkTimes => ({
      loadSeconds,
      firstDone: firstDone / 1000,
      firstSinceLoad: (firstDone - loadStart) / 1000,
      full: timesOf(times.full),
      cached: times.cached.length === 0 ? undefined : timesOf(times.cached),
      parts: Object.fromEntries([...parts].map(([name, seconds]) => [name, timesOf(seconds)])),
      ...sums,
    }),
    end: () => denoiser[Symbol.dispose](),
  };
}

/** Operations of the parts of a network as it was loaded. */
export const loadedMacs = ({ loaded }: OpenedNetwork): PartMacs => loaded.macs;
