import { type BrowserSupport, browserSupport } from "deepcache/runtime/web/support.ts";
import type { Device, DeviceChoice } from "./engine.ts";
import { secondsPerPicture } from "./probe.ts";

/** What this browser offers, and what is used of it. */
export interface PageDevices {
  readonly support: BrowserSupport;
  readonly device: Device;
  readonly choices: readonly DeviceChoice[];
  /** What a visitor had better know before the first run. */
  readonly says: string;
}

/** Looks at what this browser can compute with; `wanted` is used where it can be. */
export async function pageDevices(wanted: Device | undefined): Promise<PageDevices> {
  const [support, software] = await Promise.all([browserSupport(), browserSupport({ software: true })]);
  const usable = support.webgpu || software.webgpu;
  const device = (wanted ?? (support.webgpu ? "webgpu" : "wasm")) === "webgpu" && usable ? "webgpu" : "wasm";
  const used = device === "webgpu" ? software : { ...software, webgpu: false, largestModel: support.largestModel };
  // A GPU's speed shows with the first run; this one can be told before anything is loaded.
  const seconds = support.webgpu ? undefined : await secondsPerPicture();
  return {
    support: used,
    device,
    choices: [
      { device: "webgpu", name: "GPU (WebGPU)", says: gpuText(support, software), isUsable: usable },
      { device: "wasm", name: "Processor (WebAssembly)", says: threadsText(software.threads), isUsable: true },
    ],
    says: [
      ...(device === "wasm" && !support.webgpu ? [`Runs on the processor: ${support.reason}.`] : []),
      ...(device === "wasm" && seconds !== undefined ? [secondsText(seconds)] : []),
      ...(device === "wasm" && !support.webgpu ? ['Models above 2 GB need WebGPU or "deepcache serve".'] : []),
      ...(device === "webgpu" && !software.half ? ["This GPU computes in float32: models take twice the memory."] : []),
    ].join(" "),
  };
}

function gpuText(support: BrowserSupport, software: BrowserSupport): string {
  if (!software.webgpu) return `not here: ${software.reason}`;
  const name = software.gpu ?? "a GPU";
  const half = software.half ? "half precision" : "float32, twice the memory";
  return support.webgpu ? `${name}; ${half}` : `${name}: software in place of a GPU, slower than the processor`;
}

const threadsText = (threads: number): string =>
  threads > 1 ? `${threads} threads` : "1 thread; more need a host that isolates the page (COOP and COEP)";

function secondsText(seconds: number): string {
  const said = seconds < 1 ? Math.max(0.1, seconds).toFixed(1) : seconds.toFixed(0);
  return `Without a cache, a picture of 64 px takes about ${said} s here (measured briefly).`;
}
