import { type Engine, EngineError } from "./engine.ts";

/** Models in this page. */
export async function pageEngine(): Promise<Engine> {
  throw new EngineError("Cannot run models in this page yet");
}
