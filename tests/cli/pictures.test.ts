import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { parseParameters } from "../../src/image/parameters.ts";
import { decodePng } from "../../src/image/png.ts";
import { readImageInput } from "../../src/image/read-image.ts";
import { PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { type CliRun, runCli, runCliWith } from "../support/cli.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";

const QUICK = ["--model", fixturePath("pipelines/sd15/model"), "--steps", "2", "--sampler", "ddim"];
const root = mkdtempSync(join(tmpdir(), "deepcache-pictures-"));
const home = process.cwd();
afterAll(() => {
  process.chdir(home);
  rmSync(root, { recursive: true });
});

let folders = 0;
/** Every test works in an empty folder of its own. */
beforeEach(() => {
  const folder = join(root, String(++folders));
  mkdirSync(folder);
  process.chdir(folder);
});

interface Report {
  readonly images: readonly { readonly path: string; readonly seed: number; readonly prompt: string }[];
}

const generate = (...args: string[]): Promise<CliRun> => runCli("generate", ...args, ...QUICK);
const textOf = (path: string) => parseParameters(decodePng(readFileSync(path)).text["parameters"] ?? "");

describe("prompts", () => {
  test("need no command in front of them", async () => {
    const named = await generate("a fox", "--seed", "1", "-o", "named.png");
    const bare = await runCli("a fox", "--seed", "1", "-o", "bare.png", ...QUICK);
    expect([named.code, bare.code, bare.stdout]).toEqual([0, 0, "bare.png\n"]);
    expect(readFileSync("bare.png")).toEqual(readFileSync("named.png"));
  });

  test("whose quotes were forgotten are one prompt, and stderr says so", async () => {
    const run = await runCli("a", "fox", "on", "teal", ...QUICK, "-o", "fox.png");
    expect(run.stderr).toMatch(/^took the 4 words for one prompt, "a fox on teal";.*\n/);
    expect(run.stdout).toBe("fox.png\n");
    expect(textOf("fox.png").prompt).toBe("a fox on teal");
  });

  test("stand apart where any has a blank", async () => {
    const { stdout, stderr } = await generate("fox", "an owl", "--seed", "1", "-o", "{prompt}.png");
    expect(stdout).toBe("fox.png\nan-owl.png\n");
    expect(stderr).not.toContain("took");
  });

  test("come from a file, from stdin or from --prompts, one a line", async () => {
    writeFileSync("prompts.txt", "a fox\n\n  an owl \r\n");
    const pattern = ["--seed", "1", "-o"];
    const runs = [
      await generate("@prompts.txt", ...pattern, "1/{index}-{prompt}.png"),
      await runCliWith({ input: "a fox\nan owl\n" }, "generate", "-", ...QUICK, ...pattern, "2/{index}-{prompt}.png"),
      await generate("--prompts", "prompts.txt", ...pattern, "3/{index}-{prompt}.png"),
    ];
    expect(runs.map(({ stdout }) => stdout)).toEqual(
      [1, 2, 3].map((folder) => `${folder}/1-a-fox.png\n${folder}/2-an-owl.png\n`),
    );
    for (const folder of [2, 3]) {
      for (const name of readdirSync("1")) {
        expect(readFileSync(join(String(folder), name))).toEqual(readFileSync(join("1", name)));
      }
    }
  });

  test.each([
    [["@nowhere.txt"], 'Cannot read prompts from "nowhere.txt"'],
    [["-"], 'Cannot use "stdin": it has no prompts'],
  ])("from %j are missed", async (args, message) => {
    const run = await generate(...args);
    expect(run).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining(message) });
  });
});

describe("batches", () => {
  test("leave every image as it is, with its own seed in file and report", async () => {
    const made = async (folder: string, ...args: string[]): Promise<Report> => {
      const prompts = ["a fox", "an owl", "a red car"];
      const latents = ["--latents-output", `${folder}/latents.safetensors`];
      const run = await generate(
        ...prompts,
        "--count",
        "2",
        "--seed",
        "5",
        ...args,
        "-o",
        `${folder}/{index}.png`,
        ...latents,
        "--json",
      );
      expect(run).toMatchObject({ code: 0, stderr: "" });
      return run.json<Report>();
    };
    const latents = (folder: string) =>
      readFixture(join(process.cwd(), folder, "latents.safetensors")).tensor("latents");
    const { images } = await made("own");
    expect(images.map(({ seed, prompt }) => `${seed} ${prompt}`)).toEqual([
      ...["5 a fox", "6 a fox", "7 an owl", "8 an owl", "9 a red car", "10 a red car"],
    ]);
    for (const { path, seed, prompt } of images) {
      expect(textOf(path)).toMatchObject({ prompt, settings: { Seed: String(seed) } });
      expect(textOf(path).settings).not.toHaveProperty("Batch size");
    }
    for (const batch of ["1", "4", "100"]) {
      await made(batch, "--batch", batch);
      expect(latents(batch)).toBeCloseTensor(latents("own"), PIPELINE_LATENTS);
    }
    await generate("an owl", "--seed", "8", "-o", "alone.png", "--latents-output", "alone.safetensors");
    expect(textOf("alone.png")).toEqual(textOf(images[3]?.path ?? ""));
  });

  test("are written and told of as soon as they are done", async () => {
    const there: string[][] = [];
    await runCliWith(
      { onPrint: () => there.push(readdirSync(".").sort()) },
      ...["generate", "a fox", "an owl", ...QUICK, "-o", "{index}.png"],
    );
    expect(there).toEqual([["1.png"], ["1.png", "2.png"]]);
  });

  test("make one image for each seed of a list, of every prompt", async () => {
    const run = await generate("a fox", "an owl", "--seed", "3,0", "-o", "{seed}-{prompt}.png", "--json");
    expect(run.json<Report>().images.map(({ path }) => path)).toEqual([
      ...["3-a-fox.png", "0-a-fox.png", "3-an-owl.png", "0-an-owl.png"],
    ]);
    await generate("an owl", "--seed", "0", "-o", "alone.png");
    expect(textOf("0-an-owl.png")).toEqual(textOf("alone.png"));
  });
});

describe("names", () => {
  test("are deepcache-SEED.png unless given, and never those of files that are there", async () => {
    for (const expected of ["deepcache-7.png\n", "deepcache-7-2.png\n", "deepcache-7-3.png\n"]) {
      expect((await generate("a fox", "--seed", "7")).stdout).toBe(expected);
    }
    expect((await generate("a fox", "--seed", "7", "--count", "2")).stdout).toBe(
      "deepcache-7-4.png\ndeepcache-8.png\n",
    );
  });

  test("that are given are overwritten, in folders that are made", async () => {
    for (const seed of ["1", "2"]) {
      expect((await generate("a fox", "--seed", seed, "-o", "new/folder/fox.png")).stdout).toBe("new/folder/fox.png\n");
    }
    expect(textOf("new/folder/fox.png").settings["Seed"]).toBe("2");
    expect(readdirSync("new/folder")).toEqual(["fox.png"]);
  });

  test("say by their ending what is written", async () => {
    for (const name of ["fox.png", "fox.JPG", "fox.jpeg", "fox.webp"]) {
      expect(await generate("a fox", "-o", name)).toMatchObject({ code: 0, stdout: `${name}\n` });
      expect(await readImageInput(name)).toMatchObject({ width: 64, height: 64 });
    }
    const run = await runCli("compare", "a fox", ...QUICK, "--interval", "2", "-o", "pair.jpg");
    expect(run).toMatchObject({ code: 0, stdout: "pair.jpg\n" });
    expect([...readFileSync("pair.jpg").subarray(0, 2)]).toEqual([0xff, 0xd8]);
  });

  test.each([
    [["-o", "fox.gif"], 2, "its name must end in .png, .jpg, .jpeg, .webp"],
    [["-o", "fox"], 2, "its name must end in"],
    [["-o", "{name}.png"], 2, 'Cannot use {name} in --output "{name}.png": allowed are {index}, {seed}, {prompt}'],
    [["-o", "{prompt}.png", "--count", "2"], 2, 'several pictures to "a-fox.png": add {index}'],
    [["-o", "-", "--count", "2"], 2, "Cannot write 2 pictures to stdout"],
    [["-o", "-", "--json"], 2, "Cannot write a picture and --json to stdout"],
    [["-o", "folder.png"], 1, 'Cannot write "folder.png": it is a folder'],
    [["-o", "file/fox.png"], 1, 'Cannot write into "file": it is no folder'],
  ])("%j is refused before anything is made", async (args, code, message) => {
    mkdirSync("folder.png");
    writeFileSync("file", "");
    const run = await generate("a fox", ...args);
    expect(run).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(message) });
    expect(readdirSync(".").sort()).toEqual(["file", "folder.png"]);
  });

  test.runIf(process.platform !== "win32")("of pipes are refused, and the pipe stays", async () => {
    execFileSync("mkfifo", ["pipe.png"]);
    const run = await generate("a fox", "-o", "pipe.png");
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toContain('Cannot write "pipe.png": it is a device or a pipe, a regular file is required');
    expect(statSync("pipe.png").isFIFO()).toBe(true);
  });
});

describe("stdout", () => {
  test("takes the picture's bytes and nothing else", async () => {
    await generate("a fox", "--seed", "1", "-o", "fox.png");
    const run = await generate("a fox", "--seed", "1", "-o", "-");
    expect(run).toMatchObject({ code: 0, stdout: "" });
    expect(Buffer.from(run.bytes)).toEqual(readFileSync("fox.png"));
    expect(existsSync("-")).toBe(false);
  });

  test("is spared a picture where it is a terminal", async () => {
    const run = await runCliWith({ showsOutput: true }, "generate", "a fox", ...QUICK, "-o", "-");
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining("Cannot write a picture to a terminal") });
    expect(run.bytes).toHaveLength(0);
  });

  test("holds paths alone: seed and times are on stderr", async () => {
    const run = await generate("a fox", "--seed", "1", "-o", "fox.png");
    expect(run.stdout).toBe("fox.png\n");
    expect(run.stderr).toMatch(/^seed 1; 2 of 2 evaluations full\n[\d.]+ s: loading/);
  });
});

test("sizes and counts beyond the machine's memory are refused before anything is loaded", async () => {
  for (const args of [
    ["-W", "40000", "-H", "40000"],
    ["--count", "100000"],
  ]) {
    const run = await generate("a fox", ...args);
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toMatch(
      /^Cannot run: it would take about [\d.]+ GiB .* in all; --low-memory, .* and --force tries\n$/,
    );
  }
});
