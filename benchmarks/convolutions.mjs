// Times convolutions by Winograd's algorithm against direct ones: the full evaluation of a model's U-Net and its decoder, as
// they run in the engine, in turn, each network in a process of its own; docs/performance.md has the table:
// npm run build && node benchmarks/convolutions.mjs FOLDER [ROUNDS [WHAT]]. FOLDER is a model, such as those with random weights
// that benchmarks/memory.mjs writes to the cache folder; WHAT is "unet" or "decoder", both by default. The shortest of
// ROUNDS counts, 4 by default; the least of the processor's time is shown beside it, for machines that do other work.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { layOutUNet, sessionsOf } from "../dist/denoisers/unet-run.js";
import { autoencoderDecoder } from "../dist/models/autoencoder/autoencoder-kl.js";
import { vqDecoder } from "../dist/models/autoencoder/vq-model.js";
import { unet } from "../dist/models/unet/unet.js";
import { nodeRuntime } from "../dist/runtime/node/node.js";
import { openModel } from "../dist/systems/open-model.js";
import { elementCount } from "../dist/tensor/tensor.js";

const WAYS = ["direct", "winograd"];

/** The graph that is timed; undefined where the model has none. */
async function graphOf(path, what) {
  const { model } = await openModel({ path });
  const [height, width] = model.unet.config.sampleSize ?? [64, 64];
  const size = { batch: 1, height, width };
  if (what === "unet") {
    const sessions = sessionsOf(layOutUNet({ copies: true }, unet(model.unet.config, size, model.unet.weights), {}));
    return sessions.at(-1).graph;
  }
  if (model.vae !== undefined) return autoencoderDecoder(model.vae.config, size, model.vae.weights);
  if (model.firstStage !== undefined) return vqDecoder(model.firstStage.config, size, model.firstStage.weights);
  return undefined;
}

/** Numbers for an input of the graph, the same at every run. */
function numbers([name, { dtype, shape }]) {
  const count = elementCount(shape);
  if (dtype === "I64") return [name, { data: new BigInt64Array(count), shape }];
  return [name, { data: Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * i)), shape }];
}

async function one(path, what, rounds) {
  const graph = await graphOf(path, what);
  if (graph === undefined) return;
  const feeds = Object.fromEntries([...graph.inputs].map(numbers));
  const sessions = await Promise.all(
    WAYS.map((convolutions) => nodeRuntime({ convolutions }).load(graph, { repeated: true })),
  );
  const best = WAYS.map(() => ({ clock: Number.POSITIVE_INFINITY, processor: Number.POSITIVE_INFINITY }));
  const results = [];
  for (let round = 0; round <= rounds; round++) {
    for (const [i, session] of sessions.entries()) {
      const [begin, used] = [performance.now(), process.cpuUsage()];
      const outputs = await session.run(feeds);
      const { user, system } = process.cpuUsage(used);
      const clock = (performance.now() - begin) / 1000;
      const [first] = Object.values(outputs);
      if (round === 0) results.push((await first.download()).data.slice());
      for (const output of Object.values(outputs)) output[Symbol.dispose]();
      if (round === 0) continue; // memory is fresh
      best[i].clock = Math.min(best[i].clock, clock);
      best[i].processor = Math.min(best[i].processor, (user + system) / 1e6);
    }
  }
  const [direct, winograd] = best;
  const [expected, actual] = results;
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const error = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i])), 0) / largest;
  const cells = [
    what,
    `${direct.clock.toFixed(3)} s`,
    `${winograd.clock.toFixed(3)} s`,
    (winograd.clock / direct.clock).toFixed(2),
    `processor ${(winograd.processor / direct.processor).toFixed(2)}`,
    `error ${error.toExponential(1)}`,
  ];
  process.stdout.write(`| ${cells.join(" | ")} |\n`, () => process.exit(0));
}

const [path, ...rest] = process.argv.slice(2);
if (path === "--one") await one(rest[0], rest[1], Number(rest[2]));
else {
  const [rounds = "4", ...whats] = rest;
  for (const what of whats.length > 0 ? whats : ["unet", "decoder"]) {
    execFileSync(process.execPath, [fileURLToPath(import.meta.url), "--one", path, what, rounds], { stdio: "inherit" });
  }
}
