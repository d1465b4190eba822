import type { ImageEvent } from "deepcache/library/results.ts";
import type { RunEvent } from "./engine.ts";

const STEPS = { encode: "Reading the prompt", load: "Loading the network", denoise: "", decode: "Decoding" } as const;

/** An event of the library as the studio hears it. */
export function toldOf(event: ImageEvent): RunEvent[] {
  const { lane = 0 } = event;
  switch (event.type) {
    case "phase":
      return STEPS[event.phase] === "" ? [] : [{ type: "step", says: STEPS[event.phase] }];
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
