import type { Graph } from "../../onnx/graph.ts";
import { abortable } from "../abortable.ts";
import { checkFeeds, signatureOf } from "../feeds.ts";
import type { Session } from "../runtime.ts";
import type { DeviceTensors } from "./device-tensors.ts";
import type { OpenedSession } from "./opened-session.ts";
import type { WeightState } from "./weight-state.ts";

/** What a session of a runtime shares with others, and what it reads. */
export interface Surroundings {
  readonly tensors: DeviceTensors;
  readonly state: WeightState;
}

/** `session` of `graph` as a runtime gives it: inputs are checked, results are whoever's that asks for them. */
export function runtimeSession(session: OpenedSession, graph: Graph, { tensors, state }: Surroundings): Session {
  const signature = signatureOf(graph);
  let released = false;
  return {
    async run(inputs, { signal } = {}) {
      if (released) throw new Error(`Cannot run graph "${signature.name}": its session has been released`);
      checkFeeds(signature, inputs);
      state.checkInUse();
      const feeds = Object.fromEntries(Object.entries(inputs).map(([name, feed]) => [name, tensors.feedOf(feed)]));
      const results = await abortable(
        () => session.run(feeds, signal),
        signal,
        (late) => {
          for (const result of Object.values(late)) result.free();
        },
      );
      const given = Object.fromEntries(
        Object.entries(results).map(([name, result]) => [name, tensors.tensorOf(result)]),
      );
      try {
        state.checkInUse();
      } catch (error) {
        for (const tensor of Object.values(given)) tensor[Symbol.dispose]();
        throw error;
      }
      return given;
    },
    async [Symbol.asyncDispose]() {
      if (released) return;
      released = true;
      await session[Symbol.asyncDispose]();
    },
  };
}
