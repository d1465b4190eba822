import type { OnnxRuntimeModule } from "../sessions/calling-thread.ts";
import { type GpuBuffers, gpuBuffers } from "./gpu-buffers.ts";

type OrtTensor = InstanceType<OnnxRuntimeModule["Tensor"]>;
type OrtSession = Awaited<ReturnType<OnnxRuntimeModule["InferenceSession"]["create"]>>;
type Values = Readonly<Record<string, OrtTensor>>;

/** What is used of a session. */
interface Runnable {
  run(feeds: Values): Promise<Values>;
  release(): Promise<void>;
}

/** What is asked of `create` beside ONNX Runtime's own options. */
export interface CaptureOptions {
  readonly enableGraphCapture?: boolean;
  /** Of what is captured: the results that stay on the GPU. */
  readonly kept?: readonly string[];
}

/**
 * ONNX Runtime whose sessions are captured where that is asked for: WebGPU's commands are recorded in the first run and played
 * again in every later one, which takes a small part of the processor's time. Recorded commands read and write the same buffers
 * for ever, so inputs are copied into those, and results out of them. What cannot be captured runs as it would without.
 */
export function capturing(module: OnnxRuntimeModule): OnnxRuntimeModule {
  const create = async (model: Uint8Array, given: object): Promise<Runnable> => {
    const { kept = [], enableGraphCapture = false, ...options } = given as CaptureOptions;
    const plain = async (): Promise<Runnable> => await module.InferenceSession.create(model, options);
    return enableGraphCapture ? await capturedOr(plain, { model, options, kept }, module) : await plain();
  };
  const { Tensor, env } = module;
  return { Tensor, env, InferenceSession: { create } as unknown as OnnxRuntimeModule["InferenceSession"] };
}

interface Recording {
  readonly model: Uint8Array;
  readonly options: object;
  readonly kept: readonly string[];
}

/** A captured session; what `plain` gives where ONNX Runtime refuses, which shows on loading or in the first run. */
async function capturedOr(
  plain: () => Promise<Runnable>,
  { model, options, kept }: Recording,
  module: OnnxRuntimeModule,
): Promise<Runnable> {
  const onGpu = { ...options, enableGraphCapture: true, preferredOutputLocation: "gpu-buffer" } as const;
  let session: OrtSession;
  try {
    session = await module.InferenceSession.create(model, onGpu);
  } catch {
    return await plain();
  }
  let fallback: (() => Promise<Runnable>) | undefined = plain;
  let current: Runnable = capturedSession(session, await gpuBuffers(module), kept);
  return {
    async run(feeds) {
      try {
        return await current.run(feeds);
      } catch (error) {
        if (fallback === undefined) throw error;
        await current.release();
        current = await fallback();
        return await current.run(feeds);
      } finally {
        fallback = undefined;
      }
    },
    release: () => current.release(),
  };
}

function capturedSession(session: OrtSession, buffers: GpuBuffers, kept: readonly string[]): Runnable {
  const inputs: Record<string, OrtTensor> = {};
  return {
    async run(feeds) {
      for (const [name, feed] of Object.entries(feeds)) {
        inputs[name] ??= buffers.tensor(feed.dims);
        if (feed.location !== "gpu-buffer") buffers.write(feed, inputs[name]);
      }
      const onGpu = Object.entries(feeds).filter(([, { location }]) => location === "gpu-buffer");
      buffers.copy(onGpu.map(([name, feed]) => [feed, inputs[name] as OrtTensor]));
      // In buffers of ONNX Runtime's own: it loses sight of those that it is given for results.
      const made = Object.entries(await session.run(inputs));
      try {
        const staying = made.filter(([name]) => kept.includes(name));
        const copies = staying.map(([name, from]) => ({ name, from, to: buffers.tensor(from.dims) }));
        buffers.copy(copies.map(({ from, to }) => [from, to]));
        const results = Object.fromEntries(copies.map(({ name, to }) => [name, to]));
        for (const [name, from] of made) results[name] ??= await buffers.read(from);
        return results;
      } finally {
        for (const [, tensor] of made) tensor.dispose();
      }
    },
    async release() {
      await session.release();
      buffers[Symbol.dispose]();
    },
  };
}
