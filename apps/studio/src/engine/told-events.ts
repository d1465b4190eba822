import type { ImageEvent } from "deepcache/library/results.ts";
import type { RunEvent } from "./engine.ts";

/** An event of the library as the studio hears it; `loading` says what loading a network takes here. */
export function toldOf(event: ImageEvent, loading: string): RunEvent[] {
  const { lane = 0 } = event;
  const steps = { encode: "Reading the prompt", load: loading, denoise: "", decode: "Decoding" };
  switch (event.type) {
    case "phase":
      return steps[event.phase] === "" ? [] : [{ type: "step", says: steps[event.phase] }];
    case "warning":
      return [{ type: "warning", message: event.message }];
    case "evaluation": {
      const { evaluation, evaluations, full, seconds } = event;
      return [{ type: "evaluation", lane, evaluation, evaluations, full, seconds }];
    }
    case "preview":
      return event.images.slice(0, 1).map((image) => ({ type: "preview", lane, png: image.png() }));
    case "result": {
      const { image, sampler, steps, policy, evaluations, full, fse, seconds, warnings } = event.result;
      const { width, height, seed, parameters } = image;
      return [
        {
          ...{ type: "result", lane },
          picture: { png: image.png(), width, height, seed, parameters },
          result: { sampler, steps, policy, evaluations, full, speedup: evaluations / fse, seconds, warnings },
        } as RunEvent,
      ];
    }
  }
}
