// Measures what runs take at most, in processes of their own, beside `deepcache inspect`'s estimate; writes
// memory.json and the table of docs/memory.md: npm run benchmark:memory. Models are of random weights, written once to
// the cache folder (4 GB); `deepcache bench --clean` removes them. With --estimates, what was measured before is kept.
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, homedir, release } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeRandomModel } from "../dist/benchmark/random-model.js";
import { architectureSubject } from "../dist/benchmark/subject.js";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const CLI = at("../dist/cli/main.js");
const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "deepcache", "benchmark");
const random = (name) => join(cache, `${name}-fp16`);

const SD = "stable-diffusion-v1-5";
const CASES = [
  ...[
    "",
    "--interval 3 --branch 0",
    "--interval 3 --branch 4",
    "--count 8",
    "--interval 3 --branch 0 --low-memory",
  ].map((flags) => ({
    title: "embedded model, 128×128",
    model: at("../models/fluent-scenes"),
    flags,
  })),
  ...["", "--interval 2 --branch 0", "--interval 2 --branch 1", "--interval 2 --branch 0 --low-memory"].map(
    (flags) => ({
      title: "SD 1.5, 512×512",
      model: SD,
      flags: `${flags} --guidance-scale 1`,
    }),
  ),
  { title: "SD 1.5, 512×512, guided", model: SD, flags: "--interval 2 --branch 0" },
  { title: "SD 1.5, 256×256", model: SD, size: 256, flags: "--interval 2 --branch 0 --guidance-scale 1" },
  { title: "SD 1.5, 256×256", model: SD, size: 256, flags: "--interval 2 --branch 0 --guidance-scale 1 --low-memory" },
  {
    title: "SD 1.5, 768×768",
    model: SD,
    size: 768,
    flags: "--interval 2 --branch 0 --guidance-scale 1 --no-vae-tiling",
  },
  { title: "SD 1.5, 768×768", model: SD, size: 768, flags: "--interval 2 --branch 0 --guidance-scale 1 --vae-tiling" },
  {
    title: "SD 1.5, 512×512, networks kept",
    model: SD,
    flags: "--interval 2 --branch 0 --guidance-scale 1",
    kept: true,
  },
  { title: "LSUN DDPM, 256×256", model: "ddpm-lsun", flags: "" },
  { title: "LSUN DDPM, 256×256", model: "ddpm-lsun", flags: "--interval 2 --branch 2" },
  { title: "CIFAR DDPM, 32×32", model: "ddpm-cifar10", flags: "" },
  { title: "CIFAR DDPM, 32×32", model: "ddpm-cifar10", flags: "--count 16" },
  { title: "CIFAR DDPM, 32×32", model: "ddpm-cifar10", flags: "--count 16 --interval 2 --branch 2 --low-memory" },
  { title: "LDM-4-G, U-Net alone", model: "ldm-4-g", flags: "--branch 0", alone: true },
  { title: "LDM-4-G, U-Net alone", model: "ldm-4-g", flags: "--branch 0 --low-memory", alone: true },
];

const words = (flags) => flags.split(" ").filter((word) => word !== "");

function peakOf(args) {
  const run = spawnSync(process.execPath, ["--import", at("peak-on-exit.mjs"), CLI, ...args], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`deepcache ${args.join(" ")} ended with ${run.status}: ${run.stderr}`);
  return Number(/peak (\d+)\s*$/.exec(run.stderr)?.[1]);
}

function measure({ model, size, flags, alone = false, kept = false }, folder) {
  if (alone) {
    const args = [
      "--architecture",
      model,
      ...words(flags.replace("--branch", "--branches")),
      "--no-runs",
      "--repeat",
      "1",
    ];
    return JSON.parse(execFileSync(process.execPath, [CLI, "bench", ...args, "--json"], { encoding: "utf8" }))
      .peakBytes;
  }
  const output = join(cache, "memory.png");
  const own = ["--model", folder, ...words(flags), "--seed", "1", "--steps", "3", "--output", output];
  if (size !== undefined) own.push("--width", String(size), "--height", String(size));
  const prompted = model !== "ddpm-lsun" && model !== "ddpm-cifar10";
  return peakOf([kept ? "compare" : "generate", ...(prompted ? ["a fox"] : []), ...own]);
}

function estimate({ model, size, flags, alone = false, kept = false }, folder) {
  const sides = size === undefined ? [] : ["--width", String(size / 8), "--height", String(size / 8)];
  const args = [
    "inspect",
    alone ? model : folder,
    ...words(flags),
    ...sides,
    ...(kept ? ["--keep-loaded"] : []),
    "--json",
  ];
  return JSON.parse(execFileSync(process.execPath, [CLI, ...args], { encoding: "utf8" })).memory.peak;
}

const RESULTS = at("memory.json");
const before = process.argv.includes("--estimates") ? JSON.parse(readFileSync(RESULTS, "utf8")) : undefined;
const measuredBefore = ({ title, flags }) =>
  before?.rows.find((row) => row.title === title && row.flags === flags.trim())?.measured;

const rows = [];
for (const given of CASES) {
  const { title, model, flags, alone = false, kept = false } = given;
  const folder = model.includes("/") ? model : random(model);
  if (alone) await architectureSubject(model, { batch: 1 }, { dtype: "fp16", folder: cache });
  else if (folder !== model)
    await writeRandomModel(model, { dtype: "fp16", folder, tokenizer: at("../models/clip-tokenizer") });
  const [estimated, measured] = [estimate(given, folder), measuredBefore(given) ?? measure(given, folder)];
  rows.push({
    title,
    flags: flags.trim(),
    command: alone ? "bench" : kept ? "compare" : "generate",
    estimated,
    measured,
  });
  process.stderr.write(`${title} ${flags} ${(estimated / measured - 1).toFixed(3)}\n`);
}
const [cpu] = cpus();
const machine = {
  cpu: cpu?.model.trim(),
  cores: cpus().length,
  node: process.versions.node,
  system: `${process.platform} ${release()}`,
};
writeFileSync(RESULTS, `${JSON.stringify({ machine: before?.machine ?? machine, rows }, null, 2)}\n`);

const gigabytes = (bytes) => (bytes / 1e9).toFixed(bytes < 1e9 ? 3 : 2);
const lines = rows.map(({ title, flags, command, estimated, measured }) => {
  const off = ((estimated / measured - 1) * 100).toFixed(1).replace("-", "−");
  return `| ${title} | \`${command}${flags === "" ? "" : ` ${flags}`}\` | ${gigabytes(estimated)} | ${gigabytes(measured)} | ${off} % |`;
});
const table = ["| run | flags | estimate, GB | measured, GB | off by |", "|---|---|---:|---:|---:|", ...lines].join(
  "\n",
);
const page = at("../docs/memory.md");
const text = readFileSync(page, "utf8").replace(
  /(<!-- memory:begin -->)[\s\S]*(<!-- memory:end -->)/,
  (_, begin, end) => `${begin}\n\n${table}\n\n${end}`,
);
writeFileSync(page, text);
