import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { onnxRuntime } from "./onnxruntime.ts";

/** Tensors of ONNX Runtime by the names of a graph. */
export type OrtTensors = Readonly<Record<string, OrtTensor>>;

/** ONNX Runtime's session, to be released like ours. */
export interface OpenedSession extends AsyncDisposable {
  /** Those of the `feeds` that are called in `given` are not needed afterwards: the session may take their memory. */
  run(feeds: OrtTensors, given?: ReadonlySet<string>): Promise<OrtTensors>;
}

/** How a serialised graph becomes a session. */
export type Open = (model: Uint8Array, options: InferenceSession.SessionOptions) => Promise<OpenedSession>;

/** A session on this thread, which waits while it is loaded and while it runs. */
export const openHere: Open = async (model, options) => {
  const session = await onnxRuntime().InferenceSession.create(model, options);
  return {
    run: async (feeds) => (await session.run(feeds)) as OrtTensors,
    [Symbol.asyncDispose]: () => session.release(),
  };
};
