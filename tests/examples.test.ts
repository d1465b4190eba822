import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { decodePng } from "../src/image/png.ts";
import { fixturePath } from "./support/fixtures.ts";

const MODEL = fixturePath("pipelines/sd15/model");
const folder = mkdtempSync(join(tmpdir(), "deepcache-examples-"));
const originalArguments = process.argv;

afterEach(() => {
  process.argv = originalArguments;
  vi.restoreAllMocks();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs an example as `node examples/<name>.ts ...args` would; gives the lines that it prints. */
async function run(name: string, ...args: string[]): Promise<string[]> {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((...values) => void lines.push(values.join(" ")));
  process.argv = ["node", `examples/${name}.mjs`, ...args];
  await import(`../examples/${name}.mjs`);
  return lines;
}

test("first-image.mjs writes the picture that it made", async () => {
  const before = process.cwd();
  process.chdir(folder);
  try {
    await run("first-image");
  } finally {
    process.chdir(before);
  }
  expect(decodePng(readFileSync(join(folder, "fox.png"))).image).toMatchObject({ width: 64, height: 64 });
});

test("compare-policies.mjs prints cost and difference of every policy", async () => {
  const lines = await run("compare-policies", MODEL);
  expect(lines).toHaveLength(4);
  for (const line of lines)
    expect(line).toMatch(/^(uniform|centered|listed):\S+: [\d.]+ full steps, [\d.]+x .*, [\d.]+ dB$/);
});

test("inspect-architecture.mjs prints the parts of every branch", async () => {
  const lines = await run("inspect-architecture", MODEL);
  expect(lines).toHaveLength(13);
  expect(lines[1]).toMatch(/^branch 0: head \d+, trunk \d+, tail \d+ MACs; caches 1x\d+x\d+x\d+$/);
});

test("the README shows first-image.mjs as it is", () => {
  const text = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
  expect(text("README.md")).toContain(`\`\`\`js\n${text("examples/first-image.mjs")}\`\`\`\n`);
});
