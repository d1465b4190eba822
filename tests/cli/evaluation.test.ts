import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import { lockFolder } from "../../src/cli/evaluate/folder-lock.ts";
import type { Summary } from "../../src/evaluation/analysis/policy-summary.ts";
import { parseParameters } from "../../src/image/parameters.ts";
import { decodePng } from "../../src/image/png.ts";
import { lpipsModel } from "../../src/models/judges/lpips.ts";
import { type CliRun, runCli } from "../support/cli.ts";
import { fixturePath } from "../support/fixtures.ts";
import { writeClipFolder, writeOpenClipFolder } from "../support/models/clip-folder.ts";
import { namedWeights } from "../support/models/named-weights.ts";
import { writeSceneFolder } from "../support/models/scene-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-evaluation-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]): string => join(folder, ...names);

const SD = ["--model", fixturePath("pipelines/sd15/model"), "--width", "32", "--height", "32"];
const ALEX_LIN = fixturePath("perceptual/alex-lin.pth");
const POLICIES = ["--policies", "off,uniform:2:0,centered:3:1:1.4:0,steps:3,dpmpp_2m:2"];
const PROMPTS = at("prompts.txt");
writeFileSync(PROMPTS, "a fox\nan owl at night\na red car\n");
const BASE = [...SD, ...POLICIES, "--prompts", PROMPTS, "--steps", "5", "--batch", "2", "--seed", "11"];

/** What is said where a file is at fault rather than the command line. */
const OF_FILES = /^Cannot read (the reference|prompts)|there is no such folder|^nowhere|is missing where|^several hold/;

const evaluate = (output: string, ...args: string[]): Promise<CliRun> =>
  runCli("eval", ...args, "--output", at(output));

/** Files whose content does not depend on how long things took, and what they hold. */
function contents(name: string): Record<string, Buffer> {
  const measured = ["timings.jsonl", "times.json", "report.html"];
  const files = readdirSync(at(name), { recursive: true, encoding: "utf8" })
    .filter((file) => !measured.includes(file) && statSync(at(name, file)).isFile())
    .sort();
  return Object.fromEntries(files.map((file) => [file, readFileSync(at(name, file))]));
}

const copy = (from: string, to: string): void => cpSync(at(from), at(to), { recursive: true });

describe("deepcache eval", () => {
  let run: CliRun;
  beforeAll(async () => {
    run = await evaluate("whole", ...BASE, "--count", "5", "--json");
  });

  test("prints what every policy costs and how far its images are from the baseline's", () => {
    expect(run.stderr).toBe("");
    expect(run.code).toBe(0);
    const summary = run.json<Summary & { times: readonly { name: string; speedup: number; batches: number }[] }>();
    expect(summary).toMatchObject({ images: 5, baseline: "off" });
    const [off, uniform, centered, fewer, other] = summary.policies;
    expect(off).toMatchObject({ name: "off", sampler: "pndm", steps: 5, evaluations: 6, fse: 6, measures: {} });
    expect(uniform).toMatchObject({ name: "uniform:2:0", full: [0, 2, 4], cache: { kind: "uniform", interval: 2 } });
    expect(centered).toMatchObject({ cache: { kind: "centered", interval: 3, center: 1, power: 1.4, branch: 0 } });
    expect(fewer).toMatchObject({ steps: 3, sampler: "pndm", fse: 4 });
    expect(other).toMatchObject({ steps: 2, sampler: "dpmpp-2m", fse: 2 });
    const { psnr } = uniform?.measures ?? {};
    expect(psnr?.low).toBeLessThan(psnr?.mean ?? 0);
    expect(psnr?.high).toBeGreaterThan(psnr?.mean ?? 0);
    expect(psnr?.worst).toBeLessThan(psnr?.low ?? 0);
    expect(uniform?.macs).toBeLessThan(off?.macs ?? 0);
    expect(summary.times.map(({ name, batches }) => [name, batches])).toContainEqual(["uniform:2:0", 2]);
  });

  test("records a line for each image and policy, prompts in turn and seeds counted up", () => {
    const lines = readFileSync(at("whole", "results.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(25);
    const off = lines.filter(({ policy }) => policy === "off");
    expect(off.map(({ index, prompt, seed }) => [index, prompt, seed])).toEqual([
      [0, "a fox", 11],
      [1, "an owl at night", 12],
      [2, "a red car", 13],
      [3, "a fox", 14],
      [4, "an owl at night", 15],
    ]);
    expect(lines.slice(0, 4).map(({ policy }) => policy)).toEqual(["off", "off", "uniform:2:0", "uniform:2:0"]);
  });

  test("keeps every image as a PNG that says how to make it again", async () => {
    const bytes = readFileSync(at("whole", "images", "uniform-2-0", "3.png"));
    const { prompt, settings } = parseParameters(decodePng(bytes).text["parameters"] ?? "");
    expect(prompt).toBe("a fox");
    expect(settings).toMatchObject({ Seed: "14", Steps: "5", DeepCache: "uniform:2:0" });
    expect(settings).not.toHaveProperty("Batch size");
    const alone = at("alone.png");
    await runCli("generate", "a fox", ...SD, "--steps", "5", "--seed", "14", "--interval", "2", "--output", alone);
    const [image, again] = [decodePng(bytes).image, decodePng(readFileSync(alone)).image];
    expect(Math.max(...image.data.map((level, i) => Math.abs(level - (again.data[i] ?? 0))))).toBeLessThanOrEqual(1);
  });

  test("writes a report that refers to nothing outside of it", () => {
    const page = readFileSync(at("whole", "report.html"), "utf8");
    for (const [, target] of page.matchAll(/(?:src|href|url\()\s*=?\s*["']?([^"'\s>)]+)/g)) {
      expect(target).toMatch(/^data:image\/png;base64,/);
    }
    expect(page).not.toMatch(/<script|<link|@import|https?:/);
    expect(page.match(/<svg /g)?.length).toBeGreaterThanOrEqual(5);
    expect(page.match(/<img /g)).toHaveLength(25);
  });

  test("does nothing again once everything is done", async () => {
    copy("whole", "again");
    const before = contents("again");
    const timings = readFileSync(at("again", "timings.jsonl"));
    const again = await evaluate("again", ...BASE, "--count", "5");
    expect(again.code).toBe(0);
    expect(contents("again")).toEqual(before);
    expect(readFileSync(at("again", "timings.jsonl"))).toEqual(timings);
    expect(again.stdout).toContain("uniform:2:0");
  });

  test.each([
    ["a line is torn", "results.jsonl", 900],
    ["a batch is half recorded", "results.jsonl", "line"],
    ["nothing is recorded", "results.jsonl", 0],
    ["a time is torn", "timings.jsonl", 700],
  ] as const)("goes on where %s", async (_, file, cut) => {
    const name = `cut-${file}-${cut}`;
    copy("whole", name);
    const content = readFileSync(at(name, file), "utf8");
    const size = cut === "line" ? content.split("\n", 5).join("\n").length + 1 : cut;
    truncateSync(at(name, file), size);
    const again = await evaluate(name, ...BASE, "--count", "5");
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(contents(name)).toEqual(contents("whole"));
  });

  test("makes an image again that is missing", async () => {
    copy("whole", "missing");
    rmSync(at("missing", "images", "off", "2.png"));
    expect(await evaluate("missing", ...BASE, "--count", "5")).toMatchObject({ code: 0 });
    expect(contents("missing")).toEqual(contents("whole"));
  });

  test("merges shards into what one run gives, byte for byte", async () => {
    for (const shard of ["1/2", "2/2"]) {
      const made = await evaluate(`shard-${shard[0]}`, ...BASE, "--count", "5", "--shard", shard);
      expect(made).toMatchObject({ code: 0, stderr: "" });
    }
    expect(readdirSync(at("shard-1", "images", "off")).sort()).toEqual(["0.png", "1.png", "4.png"]);
    expect(readdirSync(at("shard-2", "images", "off")).sort()).toEqual(["2.png", "3.png"]);
    const merged = await evaluate("merged", "--merge", at("shard-2"), at("shard-1"));
    expect(merged).toMatchObject({ code: 0, stderr: "" });
    expect(contents("merged")).toEqual(contents("whole"));
    expect(existsSync(at("merged", "report.html"))).toBe(true);
    const refused = await evaluate("merged", "--merge", at("shard-2"), at("shard-1"));
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain("it holds an evaluation already");
  });

  test("refuses shards that are missing, given twice, of other settings or unfinished", async () => {
    const merge = async (...places: string[]) =>
      (await evaluate("no", "--merge", ...places.map((place) => at(place)))).stderr;
    expect(await merge("shard-1")).toContain("of 2 shards, number 2 is missing");
    expect(await merge("shard-1", "shard-2", "shard-2")).toContain("some are given twice");
    expect(await merge("nowhere")).toContain("it has no settings.json");
    copy("shard-2", "shard-other");
    const settings = readFileSync(at("shard-other", "settings.json"), "utf8");
    writeFileSync(at("shard-other", "settings.json"), settings.replace('"seed": 11', '"seed": 12'));
    expect(await merge("shard-1", "shard-other")).toContain("seed is 11 there and 12 here");
    copy("shard-2", "shard-short");
    truncateSync(at("shard-short", "results.jsonl"), 100);
    expect(await merge("shard-1", "shard-short")).toContain("run that shard to its end first");
    expect(existsSync(at("no", "settings.json"))).toBe(false);
    expect(await merge("shard-1", "shard-2")).toBe("");
    expect(contents("no")).toEqual(contents("whole"));
  });

  test("refuses to go on with other settings, saying which", async () => {
    const other = await evaluate("whole", ...BASE, "--count", "6", "--guidance-scale", "3");
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("count is 5 there and 6 here; guidanceScale is not given there and 3 here");
    const prompts = at("others.txt");
    writeFileSync(prompts, "a fox\nan owl\na red car\n");
    const changed = await evaluate("whole", ...BASE, "--prompts", prompts, "--count", "5");
    expect(changed.stderr).toContain("rows.sha256 is");
  });

  test("refuses a folder in which another process is at work", async () => {
    copy("whole", "busy");
    {
      using _lock = lockFolder(at("busy"));
      const busy = await evaluate("busy", ...BASE, "--count", "5");
      expect(busy.code).toBe(2);
      expect(busy.stderr).toContain(`process ${process.pid} of ${hostname()} does; if it does not, delete`);
    }
    expect(await evaluate("busy", ...BASE, "--count", "5")).toMatchObject({ code: 0 });
    expect(readdirSync(at("busy")).filter((name) => name.endsWith(".lock"))).toEqual([]);
  });

  test("refuses results of another evaluation", async () => {
    copy("whole", "mixed");
    const lines = readFileSync(at("mixed", "results.jsonl"), "utf8");
    writeFileSync(at("mixed", "results.jsonl"), lines.replace('"index":1,', '"index":3,'));
    expect((await evaluate("mixed", ...BASE, "--count", "5")).stderr).toContain(
      'where image 0 under "off" should be, there is image 3 under "off"',
    );
  });
});

describe("with networks that judge images", () => {
  const clip = at("clip");
  const scene = at("scene");
  const prompts = at("scenes.txt");
  const settled = [...SD, "--prompts", prompts, "--steps", "4", "--seed", "11", "--count", "5", "--batch", "2"];
  const args = [
    ...[...settled, "--policies", "off,uniform:2:0", "--metrics", "psnr,clip,noun,accuracy,fd"],
    ...["--clip", clip, "--features", scene],
  ];
  beforeAll(async () => {
    writeClipFolder(clip);
    await writeSceneFolder(scene);
    writeFileSync(prompts, "a fox on a red background\nan owl on a blue background\n");
  });

  test("scores images by their prompts, and compares the sets with what comes with the network", async () => {
    const run = await evaluate("judged", ...args, "--json");
    expect(run).toMatchObject({ code: 0, stderr: "" });
    const [off, uniform] = run.json<Summary>().policies;
    expect(Object.keys(uniform?.measures ?? {})).toEqual(["psnr", "clip", "noun", "accuracy", "fd"]);
    expect(off?.measures.clip).not.toHaveProperty("difference");
    const { clip: score, fd, accuracy } = uniform?.measures ?? {};
    expect(score?.difference?.mean).toBeCloseTo((score?.mean ?? 0) - (off?.measures.clip?.mean ?? 0), 10);
    expect(accuracy?.mean).toBeLessThanOrEqual(1);
    expect(fd?.mean).toBeGreaterThan(0);
    expect(fd?.low).toBeLessThan(fd?.mean ?? 0);
    expect(fd?.high).toBeGreaterThan(fd?.mean ?? 0);
  });

  test("shows CLIP images of other sizes than its own, in OpenCLIP's layout too", async () => {
    writeOpenClipFolder(at("open-clip"));
    const shown = [...settled, "--policies", "off", "--metrics", "clip", "--width", "64", "--json"];
    for (const place of [clip, at("open-clip")]) {
      const run = await evaluate(`shown-${place === clip}`, ...shown, "--clip", place);
      expect(run).toMatchObject({ code: 0, stderr: "" });
      expect(run.json<Summary>().policies[0]?.measures.clip?.mean).toBeGreaterThan(0);
    }
  });

  test("compares images with the baseline's by LPIPS, and goes on with the same files only", async () => {
    const { initializers } = lpipsModel("alex", { pairs: 1, height: 31, width: 31 });
    const shapes = [...initializers].flatMap(([{ shape }, weight]) =>
      weight.kind === "weight" && weight.name.startsWith("features") ? [[weight.name, shape] as const] : [],
    );
    await writeSafetensors(at("alexnet.safetensors"), namedWeights(Object.fromEntries(shapes)));
    const files = `${at("alexnet.safetensors")},${ALEX_LIN}`;
    const compared = [...settled, "--policies", "off,uniform:2:0,uniform:1:0", "--metrics", "lpips", "--json"];
    const run = await evaluate("lpips", ...compared, "--lpips", files);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    const [off, cached, same] = run.json<Summary>().policies.map(({ measures }) => measures);
    expect(off).toEqual({});
    expect(cached?.lpips?.mean).toBeGreaterThan(0);
    expect(cached?.lpips?.worst).toBeGreaterThan(cached?.lpips?.mean ?? 0);
    expect(same?.lpips?.mean).toBeLessThan(1e-6);
    const whole = contents("lpips");
    truncateSync(at("lpips", "results.jsonl"), 700);
    expect(await evaluate("lpips", ...compared, "--lpips", files)).toMatchObject({ code: 0, stderr: "" });
    expect(contents("lpips")).toEqual(whole);
    const other = await evaluate("lpips", ...compared, "--lpips", `${ALEX_LIN},${at("alexnet.safetensors")}`);
    expect(other.stderr).toContain("Cannot go on in");
  });

  test("compares the sets with pictures of a folder", async () => {
    const reference = at("judged", "images", "off");
    const run = await evaluate("referred", ...args, "--reference", reference, "--metrics", "fd", "--clip", clip);
    expect(run.stderr).toContain("Cannot use --clip: none of --metrics needs it");
    const alone = [...settled, "--policies", "off,uniform:2:0", "--metrics", "fd", "--features", scene, "--json"];
    const [off, uniform] = (await evaluate("referred", ...alone, "--reference", reference)).json<Summary>().policies;
    expect(off?.measures.fd?.mean).toBeCloseTo(0, 6);
    expect(uniform?.measures.fd?.mean).toBeGreaterThan(1e-6);
    const again = contents("referred");
    truncateSync(at("referred", "features", "scene", "uniform-2-0.f32"), 70);
    truncateSync(at("referred", "features", "scene", "reference.f32"), 70);
    expect(await evaluate("referred", ...alone, "--reference", reference)).toMatchObject({ code: 0, stderr: "" });
    expect(contents("referred")).toEqual(again);
  });

  test("merges features", async () => {
    for (const shard of ["1/2", "2/2"]) await evaluate(`judged-${shard[0]}`, ...args, "--shard", shard);
    expect(await evaluate("judged-all", "--merge", at("judged-1"), at("judged-2"))).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect(contents("judged-all")).toEqual(contents("judged"));
  });

  test.each([
    [["--metrics", "clip"], "Cannot measure clip without --clip"],
    [["--metrics", "fd"], "Cannot measure fd without --features"],
    [["--metrics", "psnr", "--clip", clip], "Cannot use --clip: none of --metrics needs it"],
    [["--metrics", "noun", "--features", scene, "--reference", clip], "Cannot use --reference"],
    [["--metrics", "noun", "--features", scene], 'Cannot judge images of "a fox": a prompt must name one thing'],
    [
      ["--metrics", "fd", "--features", scene, "--reference", folder],
      "at least 2 PNG, JPEG or WebP files are required",
    ],
    [["--metrics", "fd", "--features", scene, "--reference", at("nowhere")], "Cannot read the reference"],
    [["--metrics", "clip", "--clip", at("nowhere")], "there is no such folder"],
    [["--metrics", "lpips"], "Cannot measure lpips without --lpips"],
    [["--metrics", "psnr", "--lpips", "alex.pth"], "Cannot use --lpips: none of --metrics needs it"],
    [["--metrics", "lpips", "--lpips", at("nowhere.pth")], "nowhere.pth"],
    [["--metrics", "lpips", "--lpips", ALEX_LIN], '"features.0.weight" is missing where [64,3,11,11] of AlexNet'],
    [["--metrics", "lpips", "--lpips", `${ALEX_LIN},${ALEX_LIN}`], 'several hold "lin0.model.1.weight"'],
    [
      ["--metrics", "lpips", "--lpips", ALEX_LIN, "--policies", "uniform:2:0"],
      "Cannot measure lpips without a baseline",
    ],
  ])("refuses %j", async (more, message) => {
    const run = await evaluate("judged-refused", ...BASE, ...more);
    expect(run.code).toBe(OF_FILES.test(message) ? 1 : 2);
    expect(run.stderr).toContain(message);
  });

  test("refuses to judge images of models that take no prompts", async () => {
    const ddpm = ["--model", fixturePath("pipelines/ddpm/model"), "--count", "2", "--metrics", "clip", "--clip", clip];
    expect((await evaluate("unprompted", ...ddpm)).stderr).toContain(
      "Cannot measure clip: this model takes no prompts",
    );
  });
});

describe("other models", () => {
  test("make images of classes in turn", async () => {
    const ldm = fixturePath("original/ldm");
    const run = await evaluate(
      "classes",
      ...["--model", `${ldm}/model.ckpt`, "--config", `${ldm}/config.yaml`, "--classes", "3,7", "--count", "3"],
      ...["--steps", "4", "--batch", "2", "--policies", "off,uniform:2:0,plms:2"],
    );
    expect(run).toMatchObject({ code: 0, stderr: "" });
    const [first = ""] = readFileSync(at("classes", "results.jsonl"), "utf8").split("\n");
    expect(JSON.parse(first)).toMatchObject({ index: 0, prompt: expect.stringContaining("class 3"), policy: "off" });
  });

  test("make images of all classes, but not of the one that stands for none", async () => {
    const ldm = fixturePath("original/ldm");
    const run = await evaluate(
      "all-classes",
      ...["--model", `${ldm}/model.ckpt`, "--config", `${ldm}/config.yaml`, "--classes", "all", "--steps", "1"],
      ...["--batch", "5", "--policies", "off"],
    );
    expect(run).toMatchObject({ code: 0, stderr: "" });
    const lines = readFileSync(at("all-classes", "results.jsonl"), "utf8").trimEnd().split("\n");
    const prompts = lines.map((line): string => JSON.parse(line).prompt);
    expect(prompts).toHaveLength(10);
    expect(prompts.map((prompt) => Number(/^class (\d+),/.exec(prompt)?.[1]))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(prompts.some((prompt) => prompt.endsWith("none"))).toBe(false);
  });

  test("make images out of noise alone", async () => {
    const run = await evaluate(
      "noise",
      ...["--model", fixturePath("pipelines/ddpm/model"), "--count", "3", "--sampler", "ddim", "--steps", "6"],
      ...["--batch", "2", "--policies", "off,uniform:3:1,steps:3", "--json"],
    );
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.json<Summary>().policies.map(({ fse }) => fse > 0)).toEqual([true, true, true]);
  });

  test("do without a baseline where nothing is compared with it", async () => {
    const run = await evaluate(
      "single",
      ...["--model", fixturePath("pipelines/ddpm/model"), "--count", "1", "--sampler", "ddim", "--steps", "4"],
      ...["--policies", "uniform:1:0"],
    );
    expect(run.code).toBe(0);
  });
});

test.each([
  [["--policies", "uniform:3:0", "--metrics", "psnr"], "Cannot measure psnr without a baseline: add off to --policies"],
  [["--policies", "off,off"], 'Cannot run the scenario "off" twice in one list'],
  [["--policies", "off,uniform"], '"uniform" is written uniform:INTERVAL[:BRANCH]'],
  [["--policies", "off,magic:3"], '"magic" is none of off, uniform'],
  [["--policies", "off,uniform:0:0"], "Cannot use cache interval 0"],
  [["--policies", "off,centered:3:1:1:0"], "Cannot use cache power 1"],
  [["--policies", "off,uniform:3:99"], "Cannot cut at branch 99"],
  [["--policies", "uniform:2:0,uniform 2:0"], "is none of"],
  [["--metrics", "beauty"], 'Cannot use --metrics "beauty": allowed are psnr, ssim'],
  [["--shard", "0/2"], "Cannot use --shard 0/2: a share such as 2/8 is required, counted from 1"],
  [["--shard", "3/2"], "Cannot use --shard 3/2"],
  [["--shard", "3/3"], "Cannot make shard 3/3: 3 images make only 2 batches of 2"],
  [["--count", "0"], "Cannot use --count 0: a whole number from 1 is required"],
  [["--batch", "0"], "Cannot use --batch 0"],
  [["--classes", "3"], "Cannot use --prompts together with --classes"],
  [["--prompts", join(folder, "nowhere.txt")], "Cannot read prompts from"],
] as const)("refuses %j", async (args, message) => {
  const run = await evaluate("refused", ...BASE, ...args);
  expect(run.stdout).toBe("");
  expect(run.code).toBe(OF_FILES.test(message) ? 1 : 2);
  expect(run.stderr).toContain(message);
  expect(run.stderr.trim().split("\n")).toHaveLength(1);
  expect(existsSync(at("refused"))).toBe(false);
});

test("refuses a model of prompts without prompts, and one of noise without a count", async () => {
  expect((await evaluate("refused", ...SD)).stderr).toContain("give --prompts");
  expect((await evaluate("refused", "--model", fixturePath("pipelines/ddpm/model"))).stderr).toContain("give --count");
  expect((await runCli("eval", "--prompts", PROMPTS)).stderr).toContain("--output");
});
