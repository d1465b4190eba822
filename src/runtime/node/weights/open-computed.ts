import { type ComputedWeights, separateComputedWeights } from "../../../onnx/computed-weights.ts";
import type { Graph } from "../../../onnx/graph.ts";
import type { Lodged } from "../../sessions/lodged.ts";
import { memorySettings } from "../../sessions/memory-settings.ts";
import type { OpenedSession } from "../../sessions/opened-session.ts";
import type { Place } from "../../sessions/place.ts";
import { type OpenSettings, openGraph } from "../open-graph.ts";

/** Computed weights that are on their way at a time, which are there twice while they are. */
const AT_A_TIME = 64 * 2 ** 20;

/**
 * Opens a graph with weights that are computed from others. ONNX Runtime would compute them on one thread and keep what it
 * had widened on the way until all are done; here, sessions of their own compute some at a time, and the session of the
 * graph is fed them at every run, without a copy.
 */
export async function openComputed(graph: Graph, settings: OpenSettings, place: Place): Promise<OpenedSession> {
  const separated = separateComputedWeights(graph, AT_A_TIME);
  if (separated === undefined) return await openGraph(graph, settings, place);
  const weights = new Map<string, Lodged>();
  const free = (): void => {
    for (const weight of weights.values()) weight.free();
    weights.clear();
  };
  try {
    for (const part of separated.parts) await compute(part, settings, place, weights);
    return fed(await openGraph(separated.graph, settings, place), weights, free);
  } catch (error) {
    free();
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

/** `session` with `weights` beside whatever it is fed. */
function fed(session: OpenedSession, weights: ReadonlyMap<string, Lodged>, free: () => void): OpenedSession {
  const own = Object.fromEntries(weights);
  return {
    run: (feeds, signal) => session.run({ ...feeds, ...own }, signal),
    async [Symbol.asyncDispose]() {
      free();
      await session[Symbol.asyncDispose]();
    },
  };
}
