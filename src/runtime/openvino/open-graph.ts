import type { Graph } from "../../onnx/graph.ts";
import { writeModelInTurns } from "../../onnx/protobuf/model.ts";
import { inTurns, pause } from "../../tensor/in-turns.ts";
import { type OpenedSession, openSession } from "../sessions/opened-session.ts";
import type { Place } from "../sessions/place.ts";
import { mapWeights } from "./mapped-weights.ts";
import type { Properties } from "./openvino-library.js";

/** What openvino-module.js is asked to open a graph with. */
export interface OpenVinoOptions {
  /** By OpenVINO's own name. */
  readonly device: string;
  readonly properties: Properties;
  /** The shapes of results by their names. */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
}

/** Opens `graph` as one session at `place`; `keep` are results that stay there. */
export async function openInOpenVino(
  graph: Graph,
  { keep = [], ...settings }: Omit<OpenVinoOptions, "outputs"> & { readonly keep?: readonly string[] | undefined },
  place: Place,
): Promise<OpenedSession> {
  await pause(); // after what has made the graph
  const weights = await mapWeights(graph);
  try {
    const model = await inTurns(writeModelInTurns(graph, weights.locate));
    const outputs = Object.fromEntries([...graph.outputs].map(([name, { shape }]) => [name, shape]));
    const session = await openSession(place, graph, { model, options: { ...settings, outputs }, keep });
    return {
      run: session.run,
      async [Symbol.asyncDispose]() {
        try {
          await session[Symbol.asyncDispose]();
        } finally {
          weights.free();
        }
      },
    };
  } catch (cause) {
    weights.free();
    throw new Error(`Cannot load graph "${graph.name}" into OpenVINO`, { cause });
  }
}
