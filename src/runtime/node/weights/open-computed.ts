import { type ComputedWeights, separateComputedWeights } from "../../../onnx/computed-weights.ts";
import type { Graph } from "../../../onnx/graph.ts";
import type { Lodged } from "../../sessions/lodged.ts";
import { memorySettings } from "../../sessions/memory-settings.ts";
import type { OpenedSession } from "../../sessions/opened-session.ts";
import type { Place } from "../../sessions/place.ts";
import { type OpenSettings, openGraph } from "../open-graph.ts";

/** Computed weights that are on their way at a time, which are there twice while they are. */
const AT_A_TIME = 32 * 2 ** 20;

/**
 * Opens a graph with weights that are computed from others. ONNX Runtime would compute them on one thread and keep what it
 * had widened on the way until all are done; here, sessions of their own compute some at a time, and the session of the
 * graph is fed them at every run, without a copy. They are computed while the graph is written, and what is left of them
 * once it is open: the first run waits for that, loading does not.
 */
export async function openComputed(graph: Graph, settings: OpenSettings, place: Place): Promise<OpenedSession> {
  const widened = settings.memory.options.graphOptimizationLevel !== "disabled";
  const separated = separateComputedWeights(graph, { bytes: AT_A_TIME, widened });
  if (separated === undefined) return await openGraph(graph, settings, place);
  const weights = new Map<string, Lodged>();
  let wanted = true;
  /** All of them, once they are there. */
  let own: Readonly<Record<string, Lodged>> | undefined;
  const computing = (async () => {
    for (const part of separated.parts) if (wanted) await compute(part, settings, place, weights);
    own = Object.fromEntries(weights);
  })();
  computing.catch(() => {}); // whoever runs the graph hears of it
  const give = async (): Promise<void> => {
    wanted = false;
    await computing.catch(() => {});
    for (const weight of weights.values()) weight.free();
  };
  try {
    const session = await openGraph(separated.graph, settings, place);
    return {
      async run(feeds, signal) {
        if (own === undefined) await computing;
        return await session.run({ ...feeds, ...own }, signal);
      },
      async [Symbol.asyncDispose]() {
        await give();
        await session[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await give();
    throw error;
  }
}

async function compute(
  part: ComputedWeights["parts"][number],
  settings: OpenSettings,
  place: Place,
  weights: Map<string, Lodged>,
): Promise<void> {
  const keep = [...part.outputs.keys()];
  await using session = await openGraph(part, { ...settings, memory: memorySettings(part, true), keep }, place);
  for (const [name, weight] of Object.entries(await session.run({}))) weights.set(name, weight);
}
