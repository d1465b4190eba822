// The worker of pages under test: it also takes orders to lose its GPU, to fail, and to say how much memory WebAssembly has.
import { gpuBytes, heapBytes } from "./heap.ts";
import "../../../../src/remote/web/run-worker.ts";

const scope = globalThis as unknown as {
  postMessage(message: unknown): void;
  addEventListener(kind: "message", hear: (event: { readonly data: { readonly kind: string } }) => void): void;
};
scope.addEventListener("message", async ({ data }) => {
  if (data.kind === "heap") scope.postMessage({ kind: "heap", bytes: heapBytes(), gpu: gpuBytes() });
  if (data.kind === "fail") {
    setTimeout(() => {
      throw new Error("something broke");
    });
  }
  if (data.kind !== "lose") return;
  const { env } = await import("onnxruntime-web/jspi");
  ((await env.webgpu.device) as unknown as { destroy(): void }).destroy();
});
