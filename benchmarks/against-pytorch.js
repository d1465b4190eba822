// Measures U-Nets here and in PyTorch with the reference DeepCache helper in turn, in processes of their own; writes
// against-pytorch/<processor>.json, from which `npm run pages` makes the tables of docs/performance.md. Run `npm run build` first, and say where a Python with
// torch==2.13.0, diffusers, accelerate and DeepCache is: PYTHON=venv/bin/python node benchmarks/against-pytorch.js
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const CLI = at("../dist/cli/main.js");
const python = process.env.PYTHON ?? "python3";
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "deepcache", "benchmark");

const CASES = [
  { architecture: "stable-diffusion-v1-5", theirs: "sd15", batch: 1, branches: [0, 1], evaluations: 50 },
  { architecture: "ddpm-cifar10", theirs: "cifar", batch: 16, branches: [0, 2], evaluations: 100 },
  { architecture: "ddpm-lsun", theirs: "lsun", batch: 1, branches: [0, 2], evaluations: 100 },
];

const lines = (text) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const run = (program, args) => execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

function measureEvaluations() {
  const samples = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const { architecture, theirs, batch, branches, evaluations } of CASES) {
      process.stderr.write(`round ${round + 1} of ${ROUNDS}: ${architecture}\n`);
      const shared = ["--batch", String(batch), "--branches", branches.join(), "--repeat", "4"];
      const reference = lines(run(python, [at("pytorch/evaluations.py"), "--architecture", theirs, ...shared]));
      const own = JSON.parse(
        run(process.execPath, [
          ...[CLI, "bench", "--architecture", architecture, ...shared, "--evaluations", String(evaluations)],
          ...["--no-runs", "--json"],
        ]),
      );
      for (const found of reference) {
        const { full, cached } = own.branches.find(({ branch }) => branch === found.branch);
        samples.push({
          ...{ architecture, batch, branch: found.branch },
          pytorch: { full: found.full, cached: found.cached, peak: found.peak },
          deepcache: { full: full.seconds, cached: cached.seconds, peak: own.peakBytes },
        });
      }
    }
  }
  return samples;
}

const [cpu] = cpus();
const processor = cpu.model
  .toLowerCase()
  .replaceAll(/\(\w+\)/g, "")
  .match(/[a-z0-9]+/g)
  .join("-");
const folder = at("against-pytorch");
const target = join(folder, `${processor}.json`);
// With --first, evaluations that were measured before are kept.
const samples = process.argv.includes("--first")
  ? JSON.parse(readFileSync(target, "utf8")).samples
  : measureEvaluations();

const weights = join(cache, "stable-diffusion-v1-5-fp16.safetensors");
const model = mkdtempSync(join(tmpdir(), "against-pytorch-"));
run(python, [at("pytorch/first_evaluation.py"), "prepare", weights, model]);
const first = [];
for (let round = 0; round < ROUNDS + 1; round++) {
  process.stderr.write(`first evaluation, round ${round + 1} of ${ROUNDS + 1}\n`);
  const [reference] = lines(run(python, [at("pytorch/first_evaluation.py"), model]));
  const own = JSON.parse(
    run(process.execPath, [
      CLI,
      "bench",
      "--architecture",
      "stable-diffusion-v1-5",
      "--repeat",
      "1",
      "--no-runs",
      "--json",
    ]),
  );
  const { firstEvaluationSeconds, firstEvaluationSinceLoadSeconds, loadSeconds } = own;
  const loaded = firstEvaluationSeconds - firstEvaluationSinceLoadSeconds + loadSeconds;
  if (round > 0) first.push({ pytorch: reference, deepcache: { loaded, first: firstEvaluationSeconds } });
}

rmSync(model, { recursive: true });

const report = {
  machine: { cpu: cpu.model.trim(), cores: cpus().length, node: process.versions.node },
  versions: run(python, ["-c", "import torch, diffusers; print(torch.__version__, diffusers.__version__)"]).trim(),
  samples,
  first,
};
writeFileSync(target, `${JSON.stringify(report, null, 2)}\n`);
