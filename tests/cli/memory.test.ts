import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describedModel, writeRandomModel } from "../../src/benchmark/random-model.ts";
import { checkMemory } from "../../src/cli/terminal/memory-warning.ts";
import { estimateMemory, type MemoryEstimate } from "../../src/pipelines/estimate-memory.ts";
import { defaultModelFolder, defaultTokenizerFolder } from "../../src/systems/shipped.ts";
import { MEMORY_ESTIMATE } from "../support/assertions/tolerances.ts";
import { runCli } from "../support/cli.ts";
import { installPackage, mainOf } from "../support/installed.ts";

const root = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "deepcache-memory-"));
const installed = installPackage();
afterAll(() => {
  for (const path of [folder, installed]) rmSync(path, { recursive: true, force: true });
});

/** The most memory that a process of its own takes for a run. */
function peakOf(...args: string[]): number {
  const preload = root("benchmarks/peak-on-exit.mjs");
  const run = spawnSync(process.execPath, ["--import", preload, mainOf(installed), ...args], { encoding: "utf8" });
  expect(run.status).toBe(0);
  return Number(/peak (\d+)\s*$/.exec(run.stderr)?.[1]);
}

const estimateOf = async (...args: string[]): Promise<MemoryEstimate> =>
  (await runCli("inspect", ...args, "--json")).json<{ memory: MemoryEstimate }>().memory;

describe.runIf(process.platform === "linux" && process.arch === "x64")("the estimate is near a run's peak", () => {
  const cifar = join(folder, "ddpm-cifar10");
  const output = join(folder, "image.png");
  beforeAll(() =>
    writeRandomModel("ddpm-cifar10", { dtype: "fp16", folder: cifar, tokenizer: defaultTokenizerFolder() }),
  );

  test.each([[[]], [["--interval", "3", "--branch", "0"]], [["--interval", "3", "--branch", "0", "--low-memory"]]])(
    "of the embedded model with %j",
    async (flags) => {
      const { peak } = await estimateOf(defaultModelFolder(), ...flags);
      const measured = peakOf("generate", "a fox", "--steps", "4", "--output", output, ...flags);
      expect(Math.abs(peak / measured - 1)).toBeLessThan(MEMORY_ESTIMATE);
    },
  );

  test.each([[[]], [["--count", "8"]]])("of DDPM for CIFAR-10 with %j", async (flags) => {
    const { peak } = await estimateOf(cifar, ...flags);
    const measured = peakOf("generate", "--model", cifar, "--steps", "2", "--output", output, ...flags);
    expect(Math.abs(peak / measured - 1)).toBeLessThan(MEMORY_ESTIMATE);
  });
});

test("every row of the committed measurements is within the tolerance", () => {
  const { rows } = JSON.parse(readFileSync(root("benchmarks/memory.json"), "utf8")) as {
    rows: { estimated: number; measured: number }[];
  };
  expect(rows.length).toBeGreaterThan(0);
  for (const { estimated, measured } of rows) expect(Math.abs(estimated / measured - 1)).toBeLessThan(MEMORY_ESTIMATE);
});

describe("estimateMemory()", () => {
  const model = describedModel("stable-diffusion-v1-5", "fp16");
  const peak = (options: Parameters<typeof estimateMemory>[1]): number => estimateMemory(model, options).peak;

  test("names networks in the order in which they are loaded", () => {
    const names = estimateMemory(model, { fromImage: true }).phases.map(({ name }) => name);
    expect(names).toEqual(["text encoder", "image encoder", "U-Net", "decoder"]);
    const two = estimateMemory(describedModel("stable-diffusion-xl", "fp16"), { width: 512, height: 512 });
    expect(two.components.map(({ name }) => name)).toContain("second text encoder");
  });

  test("tells what flags save", () => {
    const kept = peak({ branch: 0 });
    expect(peak({ branch: 0, keepLoaded: false })).toBeLessThan(kept);
    expect(peak({ branch: 0, keepLoaded: false, guided: true })).toBeGreaterThan(
      peak({ branch: 0, keepLoaded: false }),
    );
    expect(peak({ lowMemory: true, keepLoaded: false })).toBeLessThan(0.6 * peak({ keepLoaded: false }));
    const large = { width: 1024, height: 1024 };
    expect(peak({ ...large, vaeTiling: true })).toBeLessThan(peak(large));
    expect(peak({ count: 4 })).toBeGreaterThan(peak({ count: 1 }));
  });

  test("knows weights of one type from those of another only where they stay in their files", () => {
    const wide = describedModel("stable-diffusion-v1-5", "fp32");
    const mapped = (given: typeof model): number =>
      estimateMemory(given, { lowMemory: true }).components.reduce((sum, component) => sum + component.mapped, 0);
    expect(mapped(wide)).toBe(2 * mapped(model));
  });

  test("takes U-Nets alone", () => {
    const { components } = estimateMemory(describedModel("ldm-4-g", "fp16"), { contextLength: 1, branch: 0 });
    expect(components.map(({ name }) => name)).toEqual(["U-Net"]);
  });
});

describe("inspect", () => {
  test("prints the estimate by network and in all", async () => {
    const { stdout } = await runCli("inspect", "--low-memory");
    expect(stdout).toMatch(/memory of a run on a CPU: \d+ MiB at most/);
    for (const name of ["text encoder", "U-Net", "decoder"]) expect(stdout).toContain(`\n${name}`);
  });

  test("refuses types that weights do not have", async () => {
    const { code, stderr } = await runCli("inspect", "ldm-4-g", "--dtype", "int8");
    expect([code, stderr]).toEqual([2, expect.stringContaining("one of fp16, fp32 is required")]);
  });
});

describe("checkMemory()", () => {
  const estimate = { ...estimateMemory(describedModel("ldm-4-g", "fp16"), { contextLength: 1 }), peak: 4 * 2 ** 30 };
  const told = (
    flags: Partial<Parameters<typeof checkMemory>[1]>,
    gibibytes: number,
    total = 8 * 2 ** 30,
  ): string[] => {
    const lines: string[] = [];
    const memory = { available: gibibytes * 2 ** 30 - 2 ** 20, resident: 2 ** 20, total };
    checkMemory(estimate, { device: "cpu", keepLoaded: false, ...flags }, { warn: (text) => lines.push(text) }, memory);
    return lines;
  };

  test("is silent where there is enough, or where memory is not the CPU's", () => {
    expect(told({}, 4)).toEqual([]);
    expect(told({ device: "webgpu" }, 1)).toEqual([]);
  });

  test("names what takes less and is not asked for yet", () => {
    expect(told({ keepLoaded: true }, 3)).toEqual([
      "This run will take about 4.00 GiB of memory where 3.00 GiB are available; " +
        "--low-memory, --no-keep-loaded, --vae-tiling, a smaller --width or --height take less",
    ]);
    expect(told({ lowMemory: true, batch: 4 }, 3)).toEqual([
      expect.stringContaining("available; --batch 1, a smaller --width"),
    ]);
  });

  test("refuses what the machine does not have in all, unless it is forced", () => {
    expect(() => told({}, 2, 3 * 2 ** 30)).toThrow(
      "Cannot run: it would take about 4.00 GiB of memory where this machine has 3.00 GiB in all; " +
        "--low-memory, --vae-tiling, a smaller --width or --height take less, and --force tries",
    );
    expect(told({ force: true }, 2, 3 * 2 ** 30)).toEqual([expect.stringContaining("where 2.00 GiB are available")]);
    expect(told({ device: "webgpu" }, 2, 3 * 2 ** 30)).toEqual([]);
  });
});
