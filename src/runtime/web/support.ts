import type { Bundle } from "./bundle.ts";

/** What a browser offers to run networks on, said before anything is loaded. */
export interface BrowserSupport {
  /** Whether there is a GPU that WebGPU can use; software that stands in for one does not count. */
  readonly webgpu: boolean;
  /** Why not, for people. */
  readonly reason?: string | undefined;
  /** Whether its shaders may use float16; without it, weights take twice the memory. */
  readonly half: boolean;
  /** The GPU, for people. */
  readonly gpu?: string | undefined;
  /** The largest tensor that the GPU takes, in bytes. */
  readonly largestTensor: number;
  /** Whether WebAssembly can wait for the browser (JSPI), so that weights stay out of its memory. */
  readonly jspi: boolean;
  /** Threads that WebAssembly may have: more than one takes a page that is isolated (COOP and COEP). */
  readonly threads: number;
  /** The largest weights of a model that can be loaded, in bytes: of WebAssembly's 4 GiB, or of what a Blob can be copied to. */
  readonly largestModel: number;
}

interface Adapter {
  readonly features: ReadonlySet<string>;
  readonly limits: { readonly maxStorageBufferBindingSize: number; readonly maxBufferSize: number };
  readonly info?: { readonly vendor?: string; readonly architecture?: string; readonly isFallbackAdapter?: boolean };
  readonly isFallbackAdapter?: boolean;
}

interface Navigator {
  readonly gpu?: { requestAdapter(options?: { readonly powerPreference?: string }): Promise<Adapter | null> };
  readonly hardwareConcurrency?: number;
}

/** Beyond this, a thread more gains little. */
const MOST_THREADS = 4;
/** Weights in float16 that WebAssembly's 4 GiB hold beside what a run takes. */
const WASM_MODEL = 2 * 2 ** 30;
/** What a browser copies from a Blob at once. */
const BLOB_COPY = 2 * 2 ** 30;

/** Asks the browser what it offers; nothing is loaded or fetched. A software GPU counts where `software` is set. */
export async function browserSupport({
  software = false,
}: {
  readonly software?: boolean;
} = {}): Promise<BrowserSupport> {
  const { gpu, hardwareConcurrency = 2 } = (globalThis as { readonly navigator?: Navigator }).navigator ?? {};
  const isolated = (globalThis as { readonly crossOriginIsolated?: boolean }).crossOriginIsolated === true;
  const jspi = "Suspending" in ((globalThis as { readonly WebAssembly?: object }).WebAssembly ?? {});
  const cpu = {
    jspi,
    threads: isolated ? Math.max(1, Math.min(MOST_THREADS, Math.ceil(hardwareConcurrency / 2))) : 1,
  };
  const without = (reason: string): BrowserSupport => ({
    ...cpu,
    webgpu: false,
    reason,
    half: false,
    largestTensor: 0,
    largestModel: WASM_MODEL,
  });
  if (gpu === undefined) return without("this browser has no WebGPU, or gives it to pages over HTTPS alone");
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (adapter === null) return without("WebGPU finds no GPU that it can use");
  const fallback = adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter ?? false;
  const name = [adapter.info?.vendor, adapter.info?.architecture].filter(Boolean).join(" ");
  if (isSoftware(name, fallback) && !software)
    return without("WebGPU has software in place of a GPU here, which is slower than the CPU");
  const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
  return {
    ...cpu,
    webgpu: true,
    half: adapter.features.has("shader-f16"),
    gpu: name === "" ? undefined : name,
    largestTensor: Math.min(maxStorageBufferBindingSize, maxBufferSize),
    largestModel: jspi ? Number.POSITIVE_INFINITY : BLOB_COPY,
  };
}

const isSoftware = (name: string, fallback: boolean): boolean => fallback || /swiftshader|llvmpipe/i.test(name);

/** What of ONNX Runtime Web to load. */
export const bundleFor = ({ webgpu, jspi }: Pick<BrowserSupport, "webgpu" | "jspi">): Bundle =>
  jspi ? "jspi" : webgpu ? "webgpu" : "wasm";
