import type { DeviceTensor, Feed } from "../runtime.ts";
import { asTensor, type Lodged, type ReadBack } from "./lodged.ts";
import type { Values } from "./messages.ts";

/** A runtime's results, and what lies behind them. */
export interface DeviceTensors {
  feedOf(feed: Feed): Values | Lodged;
  tensorOf(result: Lodged): DeviceTensor;
}

/** Results of one runtime, which no other takes; `readBack` where JavaScript cannot reach what was kept. */
export function deviceTensors(readBack?: ReadBack): DeviceTensors {
  const known = new WeakMap<DeviceTensor, Lodged>();
  return {
    feedOf(feed) {
      if (!("download" in feed)) return { data: feed.data, dims: feed.shape };
      const result = known.get(feed);
      if (result === undefined) {
        throw new TypeError("Cannot run: an input has been freed or belongs to another runtime");
      }
      return result;
    },
    tensorOf(result) {
      const tensor: DeviceTensor = {
        shape: result.dims,
        async download() {
          if (!known.has(tensor)) throw new Error("Cannot download a tensor that has been freed");
          return asTensor(await result.read(readBack));
        },
        [Symbol.dispose]() {
          if (known.delete(tensor)) result.free();
        },
      };
      known.set(tensor, result);
      return tensor;
    },
  };
}
