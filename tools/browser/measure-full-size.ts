import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { writeRandomModel } from "../../src/benchmark/random-model.ts";
import { defaultTokenizerFolder } from "../../src/systems/shipped.ts";
import { openPage } from "../../tests/support/browser/browser-page.ts";
import type { Outcome } from "../../tests/support/browser/page/page.ts";

/** Where benchmarks keep their models as well; `DEEPCACHE_FULL_SIZE` names another place. */
const FOLDER = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "deepcache/benchmark/stable-diffusion-v1-5-fp16",
);

/** What a full-size model took in a browser. */
export interface FullSize {
  readonly device: "webgpu" | "wasm";
  readonly seconds: number;
  readonly outcome: Outcome;
  /** Of WebAssembly, in MB. */
  readonly heapMb: number;
  /** Of the largest process of the browser at its largest, in MB. */
  readonly largestProcessMb: number;
}

/**
 * Stable Diffusion 1.5 in fp16 with random weights, written where it is not there (2.1 GB), in a browser at 256 px: on the CPU
 * one full and one cached evaluation with guidance; on SwiftShader, whose evaluations take minutes, all networks are loaded.
 */
export async function measureFullSize(device: "webgpu" | "wasm"): Promise<FullSize> {
  const folder = process.env["DEEPCACHE_FULL_SIZE"] ?? FOLDER;
  await writeRandomModel("stable-diffusion-v1-5", { dtype: "fp16", folder, tokenizer: defaultTokenizerFolder() });
  await using browser = await openPage({ webgpu: device === "webgpu", folders: { "/full-size": folder } });
  let largestProcessMb = 0;
  const timer = setInterval(() => {
    largestProcessMb = Math.max(largestProcessMb, largestChild());
  }, 500);
  try {
    const begin = performance.now();
    const opened = await browser.ask("open", "/full-size", { device });
    const outcome =
      opened.error === undefined
        ? await browser.ask(
            "run",
            { prompt: "a fox", seed: 1, steps: 2, sampler: "ddim", cache: 2, width: 256, height: 256 },
            { loadOnly: device === "webgpu" },
          )
        : opened;
    const seconds = Math.round((performance.now() - begin) / 100) / 10;
    const heapMb = Math.round((await browser.ask("heap")) / 1e6);
    return { device, seconds, outcome, heapMb, largestProcessMb };
  } finally {
    clearInterval(timer);
  }
}

/** Of the processes that come of this one, in MB; 0 where the system does not say. */
function largestChild(): number {
  try {
    const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    const stats = all.flatMap((pid) => statOf(pid) ?? []);
    const ours = new Set([process.pid]);
    for (let before = 0; before < ours.size; ) {
      before = ours.size;
      for (const { pid, parent } of stats) if (ours.has(parent)) ours.add(pid);
    }
    return Math.max(0, ...stats.map(({ pid, mb }) => (pid !== process.pid && ours.has(pid) ? mb : 0)));
  } catch {
    return 0;
  }
}

function statOf(name: string): { readonly pid: number; readonly parent: number; readonly mb: number } | undefined {
  try {
    const status = readFileSync(`/proc/${name}/status`, "utf8");
    const number = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
    return { pid: Number(name), parent: number("PPid"), mb: Math.round(number("VmRSS") / 1024) };
  } catch {
    return undefined; // it has ended
  }
}
