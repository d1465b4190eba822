import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { lockFolder } from "../../src/cli/evaluate/folder-lock.ts";
import { readPngText } from "../../src/image/png-text.ts";
import type { Profile } from "../../src/systems/recommended/profile.ts";
import { runCli } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-tune-"));
afterAll(() => rmSync(folder, { recursive: true }));
const inFolder = (name: string): string => join(folder, name);

writeFileSync(inFolder("prompts.txt"), "a fox on a teal background\nan owl on a pink background\n");
/** A search that takes seconds. */
const SMALL = [
  ...["tune", "--prompts", inFolder("prompts.txt"), "--guidance-scale", "4", "--budget", "4"],
  ...["--sampler", "ddim-trailing", "--reference", "ddim-trailing:8", "--images", "1", "--check", "2"],
  ...["--trials", "3", "-W", "64", "-H", "64"],
];
const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

describe("tune", { timeout: 120_000 }, () => {
  test("killed and run again writes the same profile, byte for byte, and leaves nothing else", async () => {
    const whole = await runCli(...SMALL, "--output", inFolder("whole.json"));
    expect(whole.code).toBe(0);
    expect(whole.stdout).toMatch(
      /^4 full-step equivalents: \d+ steps of ddim-trailing, .*dB.* without a cache.*\(2 other images\)\n/,
    );

    const output = inFolder("killed.json");
    const trials = join(`${output}.tuning`, "trials.jsonl");
    const child = spawn(process.execPath, ["--import", "tsx", MAIN, ...SMALL, "--output", output], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    const begun = (): boolean => existsSync(trials) && readFileSync(trials, "utf8").split("\n").length > 4;
    while (!begun() && child.exitCode === null) await delay(20);
    child.kill("SIGKILL");
    await ended;
    expect(existsSync(output)).toBe(false);
    expect(statSync(trials).size).toBeGreaterThan(0);

    writeFileSync(trials, '{"key":"torn', { flag: "a" });
    expect((await runCli(...SMALL, "--output", output)).code).toBe(0);
    expect(readFileSync(output)).toEqual(readFileSync(inFolder("whole.json")));
    expect(existsSync(`${output}.tuning`)).toBe(false);
  });

  test("writes what generate, compare and eval run", async () => {
    const file = inFolder("whole.json");
    const [point] = (JSON.parse(readFileSync(file, "utf8")) as Profile).points;
    const made = await runCli(
      ...["a fox on a teal background", "--seed", "1", "--guidance-scale", "4", "--json"],
      ...["--profile", file, "-o", inFolder("fox.png")],
    );
    expect(made.json()).toMatchObject({ sampler: "ddim-trailing", steps: point?.steps, policy: point?.cache });
    const evaluated = await runCli(
      ...["eval", "--prompts", inFolder("prompts.txt"), "--guidance-scale", "4", "--count", "2", "--json"],
      ...["--policies", `ddim-trailing:4,profile:${file}@4`, "--output", inFolder("evaluation")],
    );
    expect(evaluated.code).toBe(0);
    expect(evaluated.stdout).toContain("profile:whole.json@4");
  });

  test("moves timesteps where it is told to, and what it finds is run", async () => {
    const file = inFolder("moved.json");
    const tuned = await runCli(...SMALL, "--timestep-trials", "6", "--output", file);
    expect(tuned.code).toBe(0);
    const [point] = (JSON.parse(readFileSync(file, "utf8")) as Profile).points;
    expect(point).toMatchObject({ sampler: "ddim", steps: point?.timesteps?.length });
    expect(tuned.stdout).toContain("steps of ddim at timesteps of its own, ");
    // What is moved for a cache is moved for the run that it has to beat.
    expect(point?.checked.aboveUncached).toMatchObject({ sampler: "ddim", steps: 4, timesteps: { length: 4 } });
    expect(tuned.stdout).toContain("4 steps of ddim at timesteps of its own without a cache");
    const made = await runCli(
      ...["a fox on a teal background", "--seed", "1", "--guidance-scale", "4", "--json"],
      ...["--profile", file, "-o", inFolder("moved.png")],
    );
    expect(made.json()).toMatchObject({ sampler: "ddim", steps: point?.steps });
    expect(readPngText(readFileSync(inFolder("moved.png")))["parameters"]).toContain(
      `Timesteps: "${point?.timesteps?.join()}"`,
    );
    const both = await runCli("a fox", "--profile", file, "--timesteps", "9,5,1", "-o", inFolder("both.png"));
    expect(both.stderr).toContain("Cannot use --timesteps together with --profile");
  });

  test("leaves a search alone that another process is at", async () => {
    const output = inFolder("busy.json");
    using _lock = lockFolder(`${output}.tuning`);
    const other = await runCli(...SMALL, "--output", output);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain(`Cannot work in "${output}.tuning": process`);
    expect(existsSync(output)).toBe(false);
  });

  test("goes on with the same settings only", async () => {
    const output = inFolder("other.json");
    const trials = `${output}.tuning`;
    mkdirSync(trials);
    writeFileSync(join(trials, "trials.jsonl"), '{"key":"settings","value":"of another search"}\n');
    const other = await runCli(...SMALL, "--output", output);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("it was begun with other settings");
  });
});

describe("tune refuses", () => {
  test.each<[string, string[], string]>([
    ["a budget below 2", ["--budget", "1"], "Cannot tune for 1 full-step equivalents: from 2 to the 50 of a run"],
    ["a budget above the steps", ["--budget", "30", "--steps", "20"], "from 2 to the 20 of a run without a cache"],
    ["no budget", [], "Cannot tune without a budget"],
    ["a speed-up of less than 1", ["--speedup", "0.5"], "Cannot tune for --speedup 0.5, 100 full-step equivalents"],
    ["two budgets", ["--budget", "8", "--speedup", "4"], "Cannot use --budget together with --speedup"],
    ["an unknown reference", ["--reference", "x:9"], "Cannot use --reference x:9: a run such as ddim:200 is required"],
  ])("%s", async (_, flags, message) => {
    const run = await runCli("tune", "--prompts", inFolder("prompts.txt"), ...flags, "--output", inFolder("no.json"));
    expect(run.stderr).toContain(message);
    expect(run.code).toBe(2);
    expect(existsSync(inFolder("no.json.tuning"))).toBe(false);
  });

  test("a single prompt, since there is none left to check on", async () => {
    writeFileSync(inFolder("one.txt"), "a fox\n");
    const run = await runCli(
      "tune",
      "--prompts",
      inFolder("one.txt"),
      "--budget",
      "8",
      "--output",
      inFolder("no.json"),
    );
    expect(run.stderr).toContain("Cannot tune on 1 prompts: at least 2 are required with --prompts FILE");
  });
});

const CHECKED = { images: 8, psnr: 40, aboveUncached: { mean: 4, halfWidth: 3, sampler: "ddim", steps: 9, psnr: 36 } };

describe("--profile refuses", () => {
  const file = inFolder("foreign.json");
  const profile = {
    format: 1,
    model: { architecture: "sdxl", unet: "00ff" },
    reference: { sampler: "ddim", steps: 9 },
    points: [{ budget: 4, fse: 4, sampler: "ddim", steps: 9, cache: { kind: "listed", full: [0] }, checked: CHECKED }],
  };

  test("one of another network, one that is cut short, and one beside other flags", async () => {
    writeFileSync(file, JSON.stringify(profile));
    const run = (...flags: string[]) => runCli("a fox", "--profile", file, "-o", inFolder("no.png"), ...flags);
    expect((await run()).stderr).toContain(`Cannot use the profile "${file}" with this model: it was tuned for`);
    expect((await run("--steps", "9")).stderr).toContain("Cannot use --steps together with --profile");
    writeFileSync(file, JSON.stringify(profile).slice(0, 40));
    expect((await run()).stderr).toContain(file);
    expect(existsSync(inFolder("no.png"))).toBe(false);
  });
});

test("--speedup chooses the policy for sampler and steps, and says which", async () => {
  const run = await runCli(
    ...["a fox on a teal background", "--seed", "1", "--steps", "20", "--sampler", "ddim-trailing"],
    ...["--speedup", "2", "-o", inFolder("twice.png"), "--json"],
  );
  const { fse, policy } = run.json<{ fse: number; policy: { forecast: object } }>();
  expect(Math.abs(20 / fse / 2 - 1)).toBeLessThan(0.1);
  expect(policy.forecast).toEqual({ damping: 0.75 });
});

test.each<[string[], string]>([
  [["--speedup", "0"], "a number of at least 1 is required"],
  [["--speedup", "40"], "is at most"],
  [["--speedup", "2", "--interval", "3"], "Cannot use --speedup together with flags that describe a cache"],
  [["--forecast", "2"], "Cannot use the forecast damping 2"],
  [["--forecast", "x"], 'Cannot use --forecast "x"'],
  [["--warmup", "0"], "Cannot use --warmup 0"],
])("generate %j is refused", async (flags, message) => {
  const run = await runCli("a fox", ...flags, "-o", inFolder("no.png"));
  expect(run.code).toBe(2);
  expect(run.stderr).toContain(message);
  expect(existsSync(inFolder("no.png"))).toBe(false);
});
