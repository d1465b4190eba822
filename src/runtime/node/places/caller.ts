import type { Answer, Question } from "../messages.ts";
import { onnxRuntime } from "../onnxruntime.ts";
import type { Place } from "../place.ts";
import { sessionHost } from "./session-host.js";

/** What all that enters ONNX Runtime goes through. */
export type Enter = <T>(work: () => Promise<T>) => Promise<T>;

/** The calling thread, which waits while a graph is loaded and while it runs. */
export function callingThread({ quiet, enter }: { readonly quiet: boolean; readonly enter?: Enter }): Place {
  let host: ReturnType<typeof sessionHost> | undefined;
  const ask = (question: Question): Promise<Answer> => {
    host ??= sessionHost(onnxRuntime(), { owned: false, quiet, ...(enter === undefined ? {} : { enter }) });
    return host(question);
  };
  return {
    away: false,
    ask,
    free: (tensor) => void ask({ kind: "free", tensors: [tensor] }),
    enter() {},
    leave() {},
    async end() {},
  };
}
