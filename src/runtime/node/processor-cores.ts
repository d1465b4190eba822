import { availableParallelism } from "node:os";
import { processorInfo } from "./processor-info.ts";

/** The physical cores of this machine, which is how many threads ONNX Runtime takes where nobody says; undefined where the system does not tell them from logical ones. */
export function processorCores(info: string | undefined = processorInfo()): number | undefined {
  const cores = new Set<string>();
  let socket = "";
  for (const [, name, value = ""] of (info ?? "").matchAll(/^(physical id|core id)\s*:\s*(\d+)$/gm)) {
    if (name === "physical id") socket = value;
    else cores.add(`${socket}:${value}`);
  }
  if (cores.size > 0) return cores.size;
  return process.arch === "arm64" ? availableParallelism() : undefined; // a core of these runs one thread
}
