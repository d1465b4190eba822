// Measures what `COMPILED` of apps/studio/src/engine/probe.ts stands for: how many times as many multiplications as the studio's
// loop the compiled network does, each on one thread of Chromium, in turn: npm run browser:probe, on a machine that does nothing else.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { EVALUATION } from "../../apps/studio/src/engine/probe.ts";
import { openPage } from "../../tests/support/browser/browser-page.ts";

const ROUNDS = 5;
const REQUEST = { prompt: "a fox on a teal background", seed: 1, steps: 5, guidanceScale: 4, cache: "off" } as const;

const probe = fileURLToPath(new URL("../../apps/studio/src/engine/probe.ts", import.meta.url));
const built = await build({ entryPoints: [probe], bundle: true, format: "iife", globalName: "probe", write: false });
await using browser = await openPage();
await browser.page.addScriptTag({ content: built.outputFiles[0]?.text ?? "" });
const opened = await browser.ask("open", "models/fluent-scenes", { device: "wasm", threads: 1 });
if (opened.error !== undefined) throw new Error(opened.error);
await browser.ask("run", REQUEST); // loads
const ratios: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const loop: number = await browser.page.evaluate("probe.multiplicationsPerSecond()");
  const { error, evaluations = [] } = await browser.ask("run", REQUEST);
  if (error !== undefined) throw new Error(error);
  const compiled = EVALUATION / Math.min(...evaluations);
  ratios.push(compiled / loop);
  console.log(
    `loop ${(loop / 1e9).toFixed(2)} G/s, network ${(compiled / 1e9).toFixed(2)} G/s: ${(compiled / loop).toFixed(2)}`,
  );
}
const [median] = ratios.sort((a, b) => a - b).slice(ROUNDS >> 1);
console.log(`COMPILED = ${median?.toFixed(1)}`);
