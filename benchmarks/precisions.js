// Measures Stable Diffusion 1.5's U-Net in every precision that this machine has, here and in PyTorch with the reference DeepCache
// helper, in turn, in processes of their own; writes precisions/<processor>.json, from which `npm run pages` makes the table of
// docs/performance.md. Run `npm run build` first, and say where a Python with torch==2.13.0, diffusers, accelerate and DeepCache is:
// PYTHON=venv/bin/python node benchmarks/precisions.js. OPENVINO_DIR adds OpenVINO, ROUNDS and REPEAT say how often.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const CLI = at("../dist/cli/main.js");
const python = process.env.PYTHON ?? "python3";
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const REPEAT = process.env.REPEAT ?? "4";
const BRANCHES = process.env.BRANCHES ?? "0,1";
const THREADS = process.env.THREADS;

const run = (program, args) => execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
const json = (program, args) => JSON.parse(run(program, args));
const shared = ["--branches", BRANCHES, "--repeat", REPEAT];
const found = json(process.execPath, [CLI, "doctor", "--json"]);

/** One process of PyTorch: full and cached evaluations of each branch in turn. */
function pytorch(dtype) {
  const threads = ["--threads", THREADS ?? String(found.cores)];
  const text = run(python, [
    at("pytorch/evaluations.py"),
    "--architecture",
    "sd15",
    "--dtype",
    dtype,
    ...shared,
    ...threads,
  ]);
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .map(({ branch, full, cached, peak }) => ({ branch, full, cached, peak }));
}

/** One process of this engine. */
function deepcache(device, precision) {
  const threads = THREADS === undefined ? [] : ["--threads", THREADS];
  const report = json(process.execPath, [
    ...[CLI, "bench", "--architecture", "stable-diffusion-v1-5", "--device", device, "--precision", precision],
    ...[...shared, ...threads, "--no-runs", "--json"],
  ]);
  return report.branches.map(({ branch, full, cached }) => ({
    branch,
    full: full.seconds,
    cached: cached.seconds,
    peak: report.peakBytes,
  }));
}

const offered = found.openvino.devices?.find(({ device }) => device === "openvino:CPU")?.precisions ?? [];
const engines = [
  ...["float32", "int8"].map((precision) => ["deepcache", precision, () => deepcache("cpu", precision)]),
  ...["float32", "bfloat16"]
    .filter((precision) => offered.includes(precision))
    .map((precision) => ["deepcache on OpenVINO", precision, () => deepcache("openvino", precision)]),
  ...["float32", "bfloat16"].map((precision) => ["PyTorch", precision, () => pytorch(precision)]),
];

const samples = [];
for (let round = 0; round < ROUNDS; round++) {
  for (const [engine, precision, measure] of engines) {
    process.stderr.write(`round ${round + 1} of ${ROUNDS}: ${engine}, ${precision}\n`);
    samples.push(...measure().map((times) => ({ engine, precision, ...times })));
  }
}

const processor = found.cpu
  .toLowerCase()
  .replaceAll(/\(\w+\)/g, "")
  .match(/[a-z0-9]+/g)
  .join("-");
const report = {
  machine: {
    cpu: found.cpu,
    cores: found.cores,
    units: found.units,
    node: found.node,
    ...(THREADS === undefined ? {} : { threads: Number(THREADS) }),
  },
  versions: {
    runtime: found.runtime,
    ...(offered.length === 0 ? {} : { openvino: found.openvino.version }),
    pytorch: run(python, ["-c", "import torch; print(torch.__version__)"]).trim(),
  },
  samples,
};
mkdirSync(at("precisions"), { recursive: true });
writeFileSync(at(`precisions/${processor}.json`), `${JSON.stringify(report, null, 2)}\n`);
