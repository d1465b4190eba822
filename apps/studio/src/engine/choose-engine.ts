import { signal } from "@preact/signals";
import type { Device, Engine } from "./engine.ts";
import { EngineError } from "./engine.ts";
import { findServer } from "./server-engine.ts";

/** The key of a server that asks for one, for this visit. */
export const serverKey = signal<string | undefined>(sessionStorage.getItem("key") ?? undefined);

/** Keeps a key for this visit. */
export function useKey(key: string): void {
  serverKey.value = key;
  sessionStorage.setItem("key", key);
}

/** The device that the visitor wants models to run on; none where it is left to the page. */
function wantedDevice(): Device | undefined {
  const wanted = localStorage.getItem("device");
  return wanted === "webgpu" || wanted === "wasm" ? wanted : undefined;
}

/** Keeps the device that models are to run on, and gives an engine that runs them there. */
export async function useDevice(device: Device): Promise<Engine> {
  localStorage.setItem("device", device);
  return await chooseEngine();
}

/** The server that shows this page, or the page itself. */
export async function chooseEngine(): Promise<Engine> {
  if (__SERVED__) {
    const server = await findServer({ key: () => serverKey.value });
    if (server !== undefined) return server;
    throw new EngineError(`Cannot reach the server at ${location.host}: start it again with "deepcache serve"`, {
      code: "unreachable",
    });
  }
  const { pageEngine } = await import("./page-engine.ts");
  return await pageEngine(wantedDevice());
}
