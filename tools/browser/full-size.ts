// Runs a full-size model in a real browser: Stable Diffusion 1.5 in fp16 with random weights, 256 px, one full and one cached
// evaluation with guidance. Prints what it takes as JSON: npm run browser:full-size [webgpu]. The model is written to a folder
// of its own, 2.1 GB, or to the one that DEEPCACHE_FULL_SIZE names, where it stays.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeRandomModel } from "../../src/benchmark/random-model.ts";
import { defaultTokenizerFolder } from "../../src/systems/shipped.ts";
import { openPage } from "../../tests/support/browser/browser-page.ts";

const device = process.argv[2] === "webgpu" ? "webgpu" : "wasm";
const kept = process.env["DEEPCACHE_FULL_SIZE"];
const folder = kept ?? mkdtempSync(join(tmpdir(), "deepcache-full-size-"));

/** Of the largest process of the browser, in MB. */
function largestProcess(): number {
  const sizes = execFileSync("ps", ["-eo", "rss=,comm="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => /chrom/.test(line))
    .map((line) => Number.parseInt(line, 10));
  return Math.round(Math.max(0, ...sizes) / 1024);
}

async function main(): Promise<void> {
  await writeRandomModel("stable-diffusion-v1-5", { dtype: "fp16", folder, tokenizer: defaultTokenizerFolder() });
  await using browser = await openPage({ webgpu: device === "webgpu", folders: { "/full-size": folder } });
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, largestProcess());
  }, 500);
  const begin = performance.now();
  const seconds = (): number => Math.round((performance.now() - begin) / 100) / 10;
  const opened = await browser.ask("open", "/full-size", { device });
  const openSeconds = seconds();
  const outcome = await browser.ask("run", {
    ...{ prompt: "a fox", seed: 1, steps: 2, sampler: "ddim", cache: 2 },
    ...{ width: 256, height: 256 },
  });
  clearInterval(timer);
  const { error, events, seconds: phases, evaluations } = outcome;
  console.log(
    JSON.stringify(
      {
        device,
        opened: opened.error ?? opened.name,
        openSeconds,
        allSeconds: seconds(),
        phases,
        evaluations,
        largestProcessMb: most,
        error,
        events,
      },
      null,
      2,
    ),
  );
  if (error !== undefined) process.exitCode = 1;
}

try {
  await main();
} finally {
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
}
