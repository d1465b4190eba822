import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { mersenneTwister } from "../../src/tensor/mersenne-twister.ts";
import { fixturePath } from "../support/fixtures.ts";
import { installPackage, mainOf } from "../support/installed.ts";

const installed = installPackage();
afterAll(() => rmSync(installed, { recursive: true, force: true }));

const prompts = join(installed, "prompts.txt");
writeFileSync(prompts, "a fox\nan owl at night\na red car\n");

const start = (folder: string) =>
  spawn(
    process.execPath,
    [
      ...[mainOf(installed), "eval", "--model", fixturePath("pipelines/sd15/model"), "--width", "32", "--height", "32"],
      ...["--prompts", prompts, "--count", "24", "--batch", "2", "--steps", "12"],
      ...["--policies", "off,uniform:3:0,steps:4", "--output", folder],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );

const linesIn = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];

/** When every image was written whose result is recorded. */
function written(folder: string): Record<string, number> {
  const files = linesIn(join(folder, "results.jsonl")).map((line) => {
    const { policy, index } = JSON.parse(line) as { policy: string; index: number };
    return `images/${policy.replaceAll(":", "-")}/${index}.png`;
  });
  return Object.fromEntries(files.map((file) => [file, statSync(join(folder, file)).mtimeMs]));
}

/** What does not depend on how long things took. */
function contents(folder: string): Record<string, Buffer> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => !/^timings\.jsonl$|^times\.json$|^report\.html$/.test(file))
    .filter((file) => statSync(join(folder, file)).isFile())
    .sort();
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file))]));
}

test("an evaluation killed at random moments ends as one that was not, and makes nothing twice", async () => {
  const whole = join(installed, "whole");
  expect(await once(start(whole), "exit")).toEqual([0, null]);
  const killed = join(installed, "killed");
  const random = mersenneTwister(Date.now() % 2 ** 32);
  let interruptions = 0;
  let before = {};
  for (let attempt = 0; attempt < 6; attempt++) {
    const done = linesIn(join(killed, "results.jsonl")).length;
    const child = start(killed);
    const ended = once(child, "exit");
    // Until it has gone on, and then a moment longer: anywhere in the work on a batch.
    while (child.exitCode === null && linesIn(join(killed, "results.jsonl")).length <= done) await setTimeout(5);
    await setTimeout((random() / 2 ** 32) * 120);
    child.kill("SIGKILL");
    const [, signal] = await ended;
    if (signal === "SIGKILL") interruptions++;
    expect(written(killed)).toMatchObject(before);
    before = written(killed);
  }
  expect(Object.keys(before).length).toBeGreaterThan(0);
  expect(await once(start(killed), "exit")).toEqual([0, null]);
  expect(written(killed)).toMatchObject(before);
  expect(interruptions).toBeGreaterThan(2);
  expect(contents(killed)).toEqual(contents(whole));
});

test("Ctrl-C leaves what can be taken up, and exits with 130", async () => {
  const folder = join(installed, "interrupted");
  const child = start(folder);
  const ended = once(child, "exit");
  while (linesIn(join(folder, "results.jsonl")).length === 0) await setTimeout(5);
  child.kill("SIGINT");
  expect(await ended).toEqual([130, null]);
  const before = written(folder);
  expect(existsSync(join(folder, "summary.json"))).toBe(false);
  expect(readdirSync(folder).filter((name) => name.endsWith(".lock"))).toEqual([]);
  expect(await once(start(folder), "exit")).toEqual([0, null]);
  expect(written(folder)).toMatchObject(before);
  expect(contents(folder)).toEqual(contents(join(installed, "whole")));
});
