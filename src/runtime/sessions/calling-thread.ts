import type { Enter } from "./enter.ts";
import type { Answer, Question } from "./messages.ts";
import type { Place } from "./place.ts";
import { sessionHost } from "./session-host.js";

/** ONNX Runtime, whichever package it is from. */
export type OnnxRuntimeModule = Pick<typeof import("onnxruntime-common"), "InferenceSession" | "Tensor" | "env">;

/** The calling thread, which waits while a graph is loaded and while it runs; `runtime` is asked for with the first graph. */
export function callingThread(
  runtime: () => OnnxRuntimeModule,
  { quiet, enter }: { readonly quiet: boolean; readonly enter?: Enter | undefined },
): Place {
  let host: ReturnType<typeof sessionHost> | undefined;
  const ask = (question: Question): Promise<Answer> => {
    host ??= sessionHost(runtime(), { owned: false, quiet, ...(enter === undefined ? {} : { enter }) });
    return host(question);
  };
  return {
    away: false,
    begin() {},
    ask,
    free: (tensor) => void ask({ kind: "free", tensors: [tensor] }),
    enter() {},
    leave() {},
    async end() {},
  };
}
