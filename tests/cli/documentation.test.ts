import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCliWith } from "../support/cli.ts";

const page = readFileSync(new URL("../../docs/command-line.md", import.meta.url), "utf8");
const lines = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) => block.trim().split("\n"));

const folder = mkdtempSync(join(tmpdir(), "deepcache-documentation-"));
const home = process.cwd();
beforeAll(() => process.chdir(folder));
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

/** The words of a line of shell, and the files that stdin and stdout are. */
function parseLine(line: string): { readonly words: string[]; readonly from?: string; readonly to?: string } {
  const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? "");
  const file = (sign: string): string | undefined => {
    const place = words.indexOf(sign);
    return place < 0 ? undefined : words.splice(place, 2)[1];
  };
  const [from, to] = [file("<"), file(">")];
  return { words, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

/** What lines are shortened by: two steps show as much as fifty. */
const isMade = (words: readonly string[]): boolean => !["plan", "inspect", "doctor", "tune"].includes(words[0] ?? "");
/** Lists and profiles say themselves how many steps there are. */
const isListed = (words: readonly string[]): boolean =>
  ["--timesteps", "--sigmas", "--profile"].some((flag) => words.includes(flag));
/** A search in seconds. */
const SMALL_SEARCH = [
  ...["--sampler", "ddim-trailing", "--reference", "ddim-trailing:20", "--images", "1", "--check", "2"],
  ...["--trials", "1", "--budget", "10", "-W", "64", "-H", "64"],
];

function shortened(words: readonly string[]): readonly string[] {
  if (words[0] === "tune") return SMALL_SEARCH;
  return isMade(words) && !isListed(words) ? ["--steps", "2"] : [];
}

test.each(lines)("the documentation's %s runs", { timeout: 120_000 }, async (line) => {
  const { words, from, to } = parseLine(line);
  const [command, ...args] = words;
  if (command === "printf") {
    writeFileSync(to ?? "", (args[0] ?? "").replaceAll("\\n", "\n"));
    return;
  }
  expect(command).toBe("deepcache");
  const input = from === undefined ? "" : readFileSync(from, "utf8");
  const run = await runCliWith({ input }, ...args, ...shortened(args));
  expect(run).toMatchObject({ code: 0 });
  if (to !== undefined) writeFileSync(to, run.bytes);
  const missing = isMade(args) ? run.stdout.split("\n").filter((path) => path !== "" && !isThere(path)) : [];
  expect(missing).toEqual([]);
});

const isThere = (path: string): boolean => readdirSync(".", { recursive: true, encoding: "utf8" }).includes(path);

test("every line of the documentation was found", () => {
  expect(lines.length).toBeGreaterThan(20);
});
