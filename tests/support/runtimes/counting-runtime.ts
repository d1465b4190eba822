import type { Graph } from "../../../src/onnx/graph.ts";
import type { DeviceTensor, Feed, Runtime, Session } from "../../../src/runtime/runtime.ts";

/** A runtime that knows what of it is still alive. */
export interface CountingRuntime extends Runtime {
  /** Sessions that have not been released. */
  readonly sessions: number;
  /** Sessions that were ever loaded. */
  readonly loads: number;
  /** Results that have not been freed. */
  readonly tensors: number;
  /** Results that were brought to JavaScript's memory. */
  readonly downloads: number;
  /** Names of the graphs that ran, in order, without the network's name. */
  readonly runs: readonly string[];
}

/** What a test may do at the moments of a graph's life; what it throws is thrown by the runtime. */
export interface RuntimeEvents {
  readonly beforeLoad?: (graph: string) => void;
  readonly afterRun?: (graph: string) => void;
}

/** Counts sessions and results of `inner`. */
export function countingRuntime(inner: Runtime, { beforeLoad, afterRun }: RuntimeEvents = {}): CountingRuntime {
  const sessions = new Set<Session>();
  const tensors = new Map<DeviceTensor, DeviceTensor>();
  const runs: string[] = [];
  let downloads = 0;
  let loads = 0;
  const nameOf = ({ name }: Graph): string => name.slice(name.indexOf(".") + 1);

  function counted(original: DeviceTensor): DeviceTensor {
    const tensor: DeviceTensor = {
      shape: original.shape,
      download() {
        downloads++;
        return original.download();
      },
      [Symbol.dispose]() {
        if (!tensors.delete(tensor)) throw new Error("A result is freed twice");
        original[Symbol.dispose]();
      },
    };
    tensors.set(tensor, original);
    return tensor;
  }

  const uncounted = (feed: Feed): Feed => {
    if (!("download" in feed)) return feed;
    const original = tensors.get(feed);
    if (original === undefined) throw new Error("A result is used after it was freed");
    return original;
  };

  return {
    device: inner.device,
    copies: inner.copies,
    get sessions() {
      return sessions.size;
    },
    get loads() {
      return loads;
    },
    get tensors() {
      return tensors.size;
    },
    get downloads() {
      return downloads;
    },
    get runs() {
      return runs;
    },
    async load(graph, options) {
      beforeLoad?.(nameOf(graph));
      const original = await inner.load(graph, options);
      const session: Session = {
        async run(inputs, options) {
          const feeds = Object.entries(inputs).map(([name, feed]) => [name, uncounted(feed)] as const);
          const outputs = Object.entries(await original.run(Object.fromEntries(feeds), options));
          runs.push(nameOf(graph));
          try {
            afterRun?.(nameOf(graph));
          } catch (error) {
            for (const [, output] of outputs) output[Symbol.dispose]();
            throw error;
          }
          return Object.fromEntries(outputs.map(([name, output]) => [name, counted(output)]));
        },
        async [Symbol.asyncDispose]() {
          if (!sessions.delete(session)) throw new Error(`The session of "${graph.name}" is released twice`);
          await original[Symbol.asyncDispose]();
        },
      };
      loads++;
      sessions.add(session);
      return session;
    },
  };
}
