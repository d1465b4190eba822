import type { Runtime } from "../../runtime/runtime.ts";
import type { GenerationResult, PipelineEvent } from "./events.ts";
import type { SessionSlot } from "./session-slot.ts";

/** What a pipeline takes from outside; tests pass their own. */
export interface PipelineEffects {
  readonly runtime: Runtime;
  /** Milliseconds from a fixed point. */
  readonly now?: () => number;
  readonly randomSeed?: () => number;
  /**
   * Whether networks stay loaded for the next run (default). Otherwise each is released as soon as a run is done with
   * it, and the largest network alone decides how much memory a run takes.
   */
  readonly keepLoaded?: boolean;
}

/** Makes images with one model; sessions stay loaded from run to run where the sizes stay the same. */
export interface Pipeline<Options> extends AsyncDisposable {
  /** Runs once, telling what happens; leaving the loop stops the run. */
  stream(options: Options): AsyncGenerator<PipelineEvent, void>;
  /** Runs once to the end. */
  generate(options: Options): Promise<GenerationResult>;
}

/** One run: everything that is asked of it comes from its options, everything else from `effects`. */
export type PipelineRun<Options> = (
  options: Options,
  effects: Required<PipelineEffects>,
) => AsyncGenerator<PipelineEvent, void>;

/** The pipeline that runs `run`; disposing it empties `slots`. */
export function pipelineOf<Options>(
  run: PipelineRun<Options>,
  effects: PipelineEffects,
  slots: readonly SessionSlot<AsyncDisposable>[],
): Pipeline<Options> {
  const settled: Required<PipelineEffects> = {
    now: () => performance.now(),
    randomSeed: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
    keepLoaded: true,
    ...effects,
  };
  const release = async (): Promise<void> => {
    for (const slot of slots) await slot[Symbol.asyncDispose]();
  };
  async function* stream(options: Options): AsyncGenerator<PipelineEvent, void> {
    try {
      yield* run(options, settled);
    } finally {
      if (!settled.keepLoaded) await release(); // what a run that failed or was left had loaded
    }
  }
  return {
    stream,
    async generate(options) {
      for await (const event of stream(options)) if (event.type === "result") return event.result;
      throw new Error("The run ended without a result");
    },
    [Symbol.asyncDispose]: release,
  };
}
