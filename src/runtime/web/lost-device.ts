import { DeviceLostError } from "../../errors/device-error.ts";
import type { OnnxRuntimeModule } from "../sessions/calling-thread.ts";

/** A device that may go away. */
export interface Losable {
  isLost(): boolean;
  /** What `work` gives; rejects with a DeviceLostError once the device is lost, also where `work` never ends then. */
  until<T>(work: () => Promise<T>): Promise<T>;
}

interface GpuDevice {
  readonly lost: Promise<{ readonly reason?: string; readonly message?: string }>;
}

/** For a CPU. */
export const NEVER_LOST: Losable = { isLost: () => false, until: (work) => work() };

/** Milliseconds. */
const SOON = 250;

/** Watches the GPU that ONNX Runtime uses from its first session on. */
export async function watchDevice({ env }: OnnxRuntimeModule): Promise<Losable> {
  const device = (await env.webgpu.device) as unknown as GpuDevice;
  let lost: DeviceLostError | undefined;
  let tell = (_: DeviceLostError): void => {};
  const loss = new Promise<never>((_, reject) => {
    tell = reject;
  });
  loss.catch(() => {}); // told to whoever waits for the device
  void device.lost.then(({ reason, message }) => {
    const why = [message, reason].find((text) => text !== undefined && text !== "");
    lost = new DeviceLostError(`Cannot go on: the browser has lost the GPU${why === undefined ? "" : ` (${why})`}`);
    tell(lost);
  });
  return {
    isLost: () => lost !== undefined,
    async until(work) {
      if (lost !== undefined) throw lost;
      try {
        return await Promise.race([work(), loss]);
      } catch (error) {
        // The loss may be told after the error that comes of it.
        if (lost === undefined) await Promise.race([device.lost, new Promise((resolve) => setTimeout(resolve, SOON))]);
        throw lost ?? error;
      }
    },
  };
}
