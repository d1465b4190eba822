// How long JavaScript's event loop stands still while networks are loaded and run: a timer of 10 ms that says how late it
// is. Each case is a process of its own: node benchmarks/event-loop.mjs [--dist FOLDER] [--thread caller] [CASE...]
// Models of random weights are written once to the cache folder; `deepcache bench --clean` removes them.
import { spawnSync } from "node:child_process";
import { cpus, homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dist: { type: "string", default: at("../dist") },
    thread: { type: "string" },
    child: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const load = (name) => import(pathToFileURL(join(resolve(values.dist), `${name}.js`)).href);
const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "deepcache", "benchmark");
const random = (name) => ({ name, folder: join(cache, `${name}-fp16`) });

const CASES = {
  embedded: { prompt: "a fox", steps: 50 },
  "embedded-cached": { prompt: "a fox", steps: 50, cache: { kind: "uniform", interval: 5, branch: 0 } },
  "ddpm-lsun": { model: "ddpm-lsun", steps: 2 },
  "ddpm-lsun-cached": { model: "ddpm-lsun", steps: 2, cache: { kind: "uniform", interval: 2, branch: 2 } },
  "sd-1.5": {
    model: "stable-diffusion-v1-5",
    prompt: "a fox",
    steps: 2,
    cache: { kind: "uniform", interval: 2, branch: 0 },
    guidanceScale: 1,
  },
};

/** Lateness of a timer, and what was going on then. */
function watchStalls() {
  const stalls = [];
  let phase = "opening";
  let due = performance.now() + 10;
  const tick = () => {
    const now = performance.now();
    if (now - due > 20) stalls.push({ phase, milliseconds: now - due });
    longest = Math.max(longest, now - due);
    due = now + 10;
    timer = setTimeout(tick, 10);
  };
  let longest = 0;
  let timer = setTimeout(tick, 10);
  return {
    enter: (name) => {
      phase = name;
    },
    stop: async () => {
      await new Promise((done) => setTimeout(done, 30));
      clearTimeout(timer);
      return { longest, stalls };
    },
  };
}

async function runCase({ model, prompt, steps, cache: policy = { kind: "off" }, guidanceScale }) {
  const library = await load("pipelines").catch(() => load("index")); // of builds before there were subpaths
  const folder = model === undefined ? library.defaultModelFolder() : random(model).folder;
  const watch = watchStalls();
  const started = performance.now();
  let firstEvaluation;
  const runtime = library.nodeRuntime(values.thread === undefined ? {} : { thread: values.thread });
  const opened = await library[prompt === undefined ? "openUnconditional" : "openStableDiffusion"](folder);
  const pipeline = (prompt === undefined ? library.unconditional : library.textToImage)(opened, { runtime });
  const options = { ...(prompt === undefined ? {} : { prompt }), steps, cache: policy, seed: 1, sampler: "ddim" };
  const given = guidanceScale === undefined ? options : { ...options, guidanceScale };
  for await (const event of pipeline.stream(given)) {
    if (event.type === "phase") watch.enter(event.phase);
    if (event.type === "evaluation") firstEvaluation ??= performance.now();
  }
  watch.enter("releasing");
  await pipeline[Symbol.asyncDispose]();
  const seconds = (performance.now() - started) / 1000;
  const { longest, stalls } = await watch.stop();
  const peak = process.resourceUsage().maxRSS * 1024;
  return { longest, stalls, seconds, firstEvaluationSeconds: firstEvaluation / 1000, peak };
}

if (values.child) {
  process.stdout.write(JSON.stringify(await runCase(CASES[positionals[0]])));
} else {
  const { writeRandomModel } = await load("benchmark/random-model");
  const names = positionals.length === 0 ? Object.keys(CASES) : positionals;
  process.stdout.write(`${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.versions.node}\n`);
  for (const name of names) {
    const { model } = CASES[name];
    const tokenizer = at("../models/clip-tokenizer");
    if (model !== undefined) await writeRandomModel(model, { dtype: "fp16", folder: random(model).folder, tokenizer });
    const thread = values.thread === undefined ? [] : ["--thread", values.thread];
    const args = [fileURLToPath(import.meta.url), "--child", "--dist", values.dist, ...thread, name];
    const child = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
    if (child.status !== 0) throw new Error(`${name} ended with ${child.status ?? child.signal}: ${child.stderr}`);
    if (values.json) {
      process.stdout.write(`${JSON.stringify({ name, ...JSON.parse(child.stdout) })}\n`);
      continue;
    }
    const { longest, stalls, seconds, firstEvaluationSeconds, peak } = JSON.parse(child.stdout);
    const worst = stalls.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, 5);
    const list = worst.map(({ phase, milliseconds }) => `${phase} ${milliseconds.toFixed(0)}`).join(", ");
    process.stdout.write(
      `${name}: longest stall ${longest.toFixed(0)} ms (${list}); ${seconds.toFixed(2)} s, ` +
        `first evaluation at ${firstEvaluationSeconds.toFixed(2)} s, peak ${(peak / 1e9).toFixed(3)} GB\n`,
    );
  }
}
