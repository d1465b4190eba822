// Measures what LoRAs of rank 32 on every linear layer of a full-size SD 1.5 U-Net take: loading, peak memory and an
// evaluation, each in a process of its own, in turn; docs/decisions/0024 has its table: npm run build && node
// benchmarks/lora.mjs [ROUNDS]. Weights are random and written once to the cache folder. "engine" is what the engine does;
// "in weights" adds all LoRAs to the weights on loading, "beside" multiplies all of them beside the layers instead.
// "first" is from loading to the end of the first evaluation, which waits for what is added to weights.
// System time is shown apart: it is what the system takes for fresh pages, which depends on what ran before, above all in
// virtual machines that give memory back to their host. So each run comes right after pages that were in use.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { cpus, homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withChanges } from "../dist/adapters/lora/lora.js";
import { openLora } from "../dist/adapters/lora/open-lora.js";
import { randomWeights, unetWeightShapes } from "../dist/benchmark/random-weights.js";
import { ensureFile } from "../dist/checkpoint/files/ensure-file.js";
import { nodeFiles } from "../dist/checkpoint/files/node.js";
import { openCheckpoint } from "../dist/checkpoint/open-checkpoint.js";
import { loadUNet } from "../dist/denoisers/unet-run.js";
import { architecture } from "../dist/models/architectures.js";
import { unet } from "../dist/models/unet/unet.js";
import { unetConfig } from "../dist/models/unet/unet-config.js";
import { nodeRuntime } from "../dist/runtime/node/node.js";

const NAME = "stable-diffusion-v1-5";
const RANK = 32;
const SIZE = { batch: 1, height: 64, width: 64 };
const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "deepcache", "benchmark");
const config = unetConfig(architecture(NAME).unet, NAME);
const files = nodeFiles(cache);
const modelFile = (dtype) => `${NAME}-unet-${dtype}.safetensors`;
const loraFile = (i) => `${NAME}-lora-${RANK}-${i}.safetensors`;

/** Linear layers have matrices, which are no norms. */
const linears = (shapes) => [...shapes].filter(([name, { length }]) => name.endsWith(".weight") && length === 2);

async function write() {
  mkdirSync(cache, { recursive: true });
  const shapes = unetWeightShapes(config);
  for (const dtype of ["fp16", "fp32"]) await ensureFile(files, modelFile(dtype), () => randomWeights(shapes, dtype));
  const thin = linears(shapes).flatMap(([name, [rows, columns]]) => {
    const module = name.replace(/\.weight$/, "");
    return [
      [`unet.${module}.lora_A.weight`, [RANK, columns]],
      [`unet.${module}.lora_B.weight`, [rows, RANK]],
    ];
  });
  for (let i = 0; i < 3; i++) await ensureFile(files, loraFile(i), () => randomWeights(new Map(thin), "fp16"));
}

/** The same graph with all sums of weights where the engine does not look for them, so that they are computed on loading. */
function inWeights(graph) {
  const sums = new Map(
    graph.nodes
      .filter(({ op, ofWeights }) => op === "Gemm" && ofWeights)
      .map(({ outputs: [sum] }) => [sum, { ...sum, hint: "changed" }]),
  );
  const nodes = graph.nodes.flatMap((node) => {
    const changed = sums.get(node.outputs[0]);
    if (changed === undefined) return [{ ...node, inputs: node.inputs.map((input) => sums.get(input) ?? input) }];
    const same = { op: "Identity", domain: "", inputs: node.outputs, outputs: [changed], attributes: {} };
    return [node, { ...same, referenceMacs: 0, ofWeights: true }];
  });
  return { ...graph, nodes };
}

/** The same graph with thin products beside all layers. */
function beside(graph) {
  const merges = new Map(
    graph.nodes.filter(({ op, ofWeights }) => op === "Gemm" && ofWeights).map((node) => [node.outputs[0], node]),
  );
  const nodes = graph.nodes.flatMap((node) => {
    const merge = node.op === "FusedMatMul" ? merges.get(node.inputs[1]) : undefined;
    if (merge === undefined) return merges.has(node.outputs[0]) ? [] : [node];
    const [x] = node.inputs;
    const [up, down, base] = merge.inputs;
    const like = (shape, hint) => ({ ...node.outputs[0], shape, hint });
    const middle = like([...x.shape.slice(0, -1), down.shape[0]], "thin_middle");
    const [whole, added] = [like(node.outputs[0].shape, "whole"), like(node.outputs[0].shape, "thin")];
    const product = (a, b, to) => ({ ...node, inputs: [a, b], outputs: [to], referenceMacs: 0 });
    const sum = {
      op: "Add",
      domain: "",
      inputs: [whole, added],
      outputs: node.outputs,
      attributes: {},
      referenceMacs: 0,
    };
    return [product(x, base, whole), product(x, down, middle), product(middle, up, added), sum];
  });
  return { ...graph, nodes };
}

const GRAPHS = { engine: (graph) => graph, "in weights": inWeights, beside };

async function one({ dtype, loras, how, evaluations, convolutions, threads }) {
  const { weights } = await openCheckpoint(join(cache, modelFile(dtype)));
  const opened = await Promise.all(
    Array.from({ length: loras }, (_, i) =>
      openLora(join(cache, loraFile(i)), {
        name: NAME,
        layers: config.down.map(({ layers }) => layers),
        weights: { unet: weights, text: undefined, secondText: undefined },
      }),
    ),
  );
  const strengths = { unet: 0.5, text: 0, secondText: 0 };
  const [start, before] = [performance.now(), process.cpuUsage()];
  const changed = withChanges(
    weights,
    opened.map((lora) => ({ lora, strengths })),
    "unet",
  );
  const network = unet(config, SIZE, changed);
  const loaded = await loadUNet(
    nodeRuntime({ convolutions, threads }),
    { ...network, graph: GRAPHS[how](network.graph) },
    {},
  );
  const loading = (performance.now() - start) / 1000;
  const cpuSince = (since) => Object.values(process.cpuUsage(since)).reduce((sum, micros) => sum + micros / 1e6, 0);
  const { user, system } = process.cpuUsage(before);
  const [loadingUser, loadingSystem] = [user / 1e6, system / 1e6];
  const known = {
    sample: { data: new Float32Array(4 * 64 * 64).fill(0.5), shape: [1, 4, 64, 64] },
    timestep: { data: Float32Array.of(500), shape: [1] },
    encoder_hidden_states: { data: new Float32Array(77 * 768).fill(0.1), shape: [1, 77, 768] },
  };
  const early = loaded.prelude === undefined ? {} : await loaded.prelude.run(known);
  const [seconds, cpuSeconds] = [[], []];
  for (let i = 0; i < evaluations; i++) {
    const [begin, used] = [performance.now(), process.cpuUsage()];
    const { prediction } = await loaded.network.run({ ...known, ...early });
    await prediction.download();
    seconds.push((performance.now() - begin) / 1000);
    cpuSeconds.push(cpuSince(used));
    prediction[Symbol.dispose]();
  }
  const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
  const least = (values) => Math.min(...values.slice(-2));
  const made = {
    loading,
    loadingUser,
    loadingSystem,
    first: loading + (seconds[0] ?? 0),
    evaluation: least(seconds),
    evaluationCpu: least(cpuSeconds),
    peak,
  };
  process.stdout.write(`${JSON.stringify(made)}\n`, () => process.exit(0));
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

/** Leaves as many pages behind that were in use as a run takes. */
function touchMemory() {
  for (const buffer of Array.from({ length: 5 }, () => Buffer.alloc(2 ** 30, 1))) {
    structuredClone(undefined, { transfer: [buffer.buffer] });
  }
}

async function all(rounds) {
  await write();
  const direct = { convolutions: "direct", evaluations: 2 };
  const cases = [
    { dtype: "fp16", loras: 0, how: "engine" },
    { dtype: "fp16", loras: 1, how: "engine" },
    { dtype: "fp16", loras: 1, how: "in weights" },
    { dtype: "fp16", loras: 1, how: "beside" },
    { dtype: "fp16", loras: 3, how: "engine" },
    { dtype: "fp32", loras: 0, how: "engine" },
    { dtype: "fp32", loras: 1, how: "engine" },
    { dtype: "fp32", loras: 1, how: "in weights" },
    { dtype: "fp32", loras: 1, how: "beside" },
    { dtype: "fp32", loras: 3, how: "engine" },
  ].map((measured) => ({ ...measured, ...direct }));
  cases.push({ ...cases[0], convolutions: "winograd" }, { ...cases[1], convolutions: "winograd" });
  const results = cases.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, measured] of cases.entries()) {
      const text = JSON.stringify(measured);
      touchMemory();
      const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), "--one", text], {
        encoding: "utf8",
      });
      results[i].push(JSON.parse(output));
      process.stderr.write(`${text} ${output}`);
    }
  }
  const machine = `${cpus()[0].model.trim()}, ${cpus().length} cores`;
  process.stdout.write(`${machine}, ${rounds} rounds in turn; medians, and of their ratios to no LoRA\n`);
  for (const [i, { dtype, loras, how, convolutions }] of cases.entries()) {
    const isBase = (other) => other.dtype === dtype && other.loras === 0 && other.convolutions === convolutions;
    const base = results[cases.findIndex(isBase)];
    const shown = ["loading", "loadingUser", "loadingSystem", "first", "evaluation", "evaluationCpu", "peak"].map(
      (name) => {
        const value = median(results[i].map((result) => result[name]));
        const ratio = median(results[i].map((result, round) => result[name] / base[round][name]));
        const text = name === "peak" ? `${(value / 2 ** 30).toFixed(2)} GiB` : `${value.toFixed(2)} s`;
        return `${text} (${ratio.toFixed(2)})`;
      },
    );
    process.stdout.write(
      `| ${dtype}, ${convolutions} | ${loras} | ${loras === 0 ? "" : how} | ${shown.join(" | ")} |\n`,
    );
  }
}

const [mode, text] = process.argv.slice(2);
if (mode === "--one") await one(JSON.parse(text));
else await all(Number(mode ?? 3));
