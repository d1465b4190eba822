import { branchFor } from "../../denoisers/unet-run.ts";
import { skipCount } from "../../models/unet/unet.ts";
import { inLanes, type LaneOptions, laneClock, sharedCut } from "../lanes.ts";
import { drawnSeed, type PipelineEffects } from "./effects.ts";
import type { GenerationResult, PipelineEvent } from "./events.ts";
import { runQueue } from "./queue.ts";
import { emptySlots, isRefined, type PlannedRun, planOf, type RunSettings, run } from "./run.ts";
import type { RunOptions, SettledRun } from "./run-options.ts";
import type { Task } from "./task.ts";

/**
 * Makes images with one model. One run has it at a time and others wait for their turn; networks stay loaded from run to
 * run where the sizes stay the same.
 */
export interface Pipeline<Options> extends AsyncDisposable {
  /** Runs once, telling what happens; leaving the loop ends the run. */
  stream(options: Options, settings?: RunSettings): AsyncGenerator<PipelineEvent, void>;
  /** Runs once to the end. */
  generate(options: Options, settings?: RunSettings): Promise<GenerationResult>;
  /** What a run would do; nothing is loaded for it. */
  plan(options: Options): Promise<PlannedRun>;
  /** Ends what runs and what waits, and releases what is loaded; later runs are refused. */
  dispose(): Promise<void>;
}

/** The pipeline for the models of a task. */
export function pipelineOf<Options extends RunOptions, Settled extends SettledRun>(
  task: Task<Options, Settled>,
  { queue: { busy } = {}, ...effects }: PipelineEffects,
): Pipeline<Options> {
  const settled = { now: () => performance.now(), randomSeed: drawnSeed, keepLoaded: true, ...effects };
  const slots = emptySlots();
  const queue = runQueue(busy);
  const active = new Set<AsyncGenerator<PipelineEvent, void>>();
  const release = async (): Promise<void> => {
    await slots.unet[Symbol.asyncDispose]();
    await slots.refiner[Symbol.asyncDispose]();
    await slots.decoder[Symbol.asyncDispose]();
    await slots.preview[Symbol.asyncDispose]();
  };

  async function* inTurn(options: Options, settings: RunSettings): AsyncGenerator<PipelineEvent, void> {
    using turn = await queue.enter(options.signal);
    const asked = { ...options, signal: turn.signal };
    try {
      yield* settings.lanes === undefined
        ? run(task, settled, slots, asked, settings)
        : lanesOf(asked, settings.lanes, settings);
    } finally {
      if (!settled.keepLoaded) await release(); // what a run that failed or was left had loaded
    }
  }

  async function* lanesOf(
    options: Options,
    lanes: readonly LaneOptions[],
    settings: RunSettings,
  ): AsyncGenerator<PipelineEvent, void> {
    const { seed = settled.randomSeed() } = options;
    const runs = lanes.map((lane) => ({ ...options, seed, ...lane }));
    const plans = runs.map((each) => task.settle(each, settled.randomSeed));
    const planned = await Promise.all(plans.map((each) => planOf(task, each)));
    const skips = skipCount(task.unet.config);
    for (const { policy, ...plan } of planned) branchFor(policy, { ...plan, skips }); // refused before anything is loaded
    const isTurned = settled.keepLoaded && !plans.some((each) => isRefined(task, each));
    const cut = isTurned ? sharedCut(planned.map(({ policy }) => policy)) : undefined;
    const begun = runs.map((each) => {
      const clock = laneClock(settled.now);
      const effects = { ...settled, now: clock.now };
      return { clock, events: run(task, effects, slots, each, { ...settings, ...cut }) };
    });
    yield* inLanes(begun, cut === undefined ? "whole runs" : "evaluations");
  }

  async function* stream(options: Options, settings: RunSettings = {}): AsyncGenerator<PipelineEvent, void> {
    const events = inTurn(options, settings);
    active.add(events);
    try {
      yield* events;
    } finally {
      active.delete(events);
    }
  }

  const dispose = async (): Promise<void> => {
    const closed = queue.close();
    // Whoever stopped listening to a run holds it at its last event; that ends here.
    await Promise.allSettled([...active].map((events) => events.return()));
    await closed;
    await release();
  };

  return {
    stream,
    async generate(options, settings) {
      for await (const event of stream(options, settings)) if (event.type === "result") return event.result;
      throw new Error("The run ended without a result");
    },
    plan: async (options) => planOf(task, task.settle(options, settled.randomSeed)),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
