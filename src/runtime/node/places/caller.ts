import type { Answer, Question } from "../messages.ts";
import { onnxRuntime } from "../onnxruntime.ts";
import type { Place } from "../place.ts";
import { sessionHost } from "./session-host.js";

/** The calling thread, which waits while a graph is loaded and while it runs. */
export function callingThread({ quiet }: { readonly quiet: boolean }): Place {
  let host: ReturnType<typeof sessionHost> | undefined;
  const ask = (question: Question): Promise<Answer> => {
    host ??= sessionHost(onnxRuntime(), { owned: false, quiet });
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
