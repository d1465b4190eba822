import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { installPackage, mainOf } from "../support/installed.ts";

const installed = installPackage();
afterAll(() => rmSync(installed, { recursive: true, force: true }));

const main = mainOf(installed);
/** The shortest run that loads every network. */
const RUN = ["a fox", "--steps", "1", "--seed", "1"] as const;

const has = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;

/** A home, a place for temporary files and a working folder, all empty. */
function freshPlaces(name: string) {
  const root = join(installed, name);
  const places = { home: join(root, "home"), temporary: join(root, "tmp"), work: join(root, "work") };
  for (const place of Object.values(places)) mkdirSync(place, { recursive: true });
  const { home: HOME, temporary: TMPDIR, work: cwd } = places;
  const files = (): string[] =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  return {
    root,
    files,
    options: { cwd, encoding: "utf8", env: { PATH: process.env["PATH"] ?? "", HOME, TMPDIR } } as const,
  };
}

const said = ({ status, stderr }: SpawnSyncReturns<string>) => ({ status, stderr });

test.runIf(has("strace"))("A run leaves its picture and nothing else, and tries no connection", () => {
  const { root, files, options } = freshPlaces("traced");
  const trace = join(installed, "trace.txt");
  const traced = ["-f", "-qq", "-e", "trace=socket,connect,sendto", "-o", trace, process.execPath, main, ...RUN];
  expect(spawnSync("strace", [...traced, "-o", "a.png"], options).status).toBe(0);
  expect(files()).toEqual([join("work", "a.png")]);
  expect(readFileSync(trace, "utf8")).not.toMatch(/AF_INET|connect\(|sendto\(/);
  expect(existsSync(join(root, "home", ".cache"))).toBe(false);
});

test.runIf(process.platform === "linux" && spawnSync("unshare", ["-rn", "true"]).status === 0)(
  "A run needs no network",
  () => {
    const { files, options } = freshPlaces("alone");
    const run = spawnSync("unshare", ["-rn", process.execPath, main, ...RUN, "-o", "a.png"], options);
    expect(said(run)).toMatchObject({ status: 0 });
    expect(files()).toEqual([join("work", "a.png")]);
  },
);

describe.runIf(process.platform === "linux")("One sentence and exit code 1 where", () => {
  test.each([
    ["few files may be open", `ulimit -n 32; exec "$0" "$@"`, /too many (open files|files are open)/],
    ["stdout is full", `exec "$0" "$@" > /dev/full`, /Cannot write to stdout: no space is left on the disk/],
  ])("%s", (_, shell, sentence) => {
    const { options } = freshPlaces("refused");
    const run = spawnSync("bash", ["-c", shell, process.execPath, main, "plan", "--steps", "5"], options);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain(`deepcache: `);
    expect(run.stderr).toMatch(sentence);
    expect(run.stderr.trim().split("\n")).toHaveLength(1);
  });
});

test.runIf(process.platform === "linux")("A search that can write nothing leaves nothing behind", () => {
  const { files, options } = freshPlaces("unwritten");
  const prompts = join(installed, "prompts.txt");
  writeFileSync(prompts, "a fox\na cat\n");
  const command = `ulimit -f 0; exec "$0" "$@"`; // as on a full disk, files can be made and stay empty
  const args = ["tune", "--prompts", prompts, "--budget", "2", "--steps", "2", "--output", "profile.json"];
  const run = spawnSync("bash", ["-c", command, process.execPath, main, ...args], options);
  expect(said(run)).toEqual({
    status: 1,
    stderr: expect.stringContaining('deepcache: Cannot work in "profile.json.tuning"'),
  });
  expect(files()).toEqual([]);
  expect(readdirSync(options.cwd)).toEqual([]);
});

test.runIf(process.platform === "linux")("A line that there is no room for leaves no empty file behind", () => {
  const { files, options } = freshPlaces("unappended");
  const module = pathToFileURL(join(installed, "dist", "evaluation", "store", "stores", "folder.js")).href;
  const program = `
    import { folderStore } from ${JSON.stringify(module)};
    try {
      folderStore(".").append("lines", "a line");
    } catch ({ message }) {
      console.error(message);
    }`;
  const args = [process.execPath, "--input-type=module", "--eval", program];
  const { stderr } = spawnSync("bash", ["-c", `ulimit -f 0; exec "$0" "$@"`, ...args], options);
  expect(stderr.trim()).toBe('Cannot write "lines"');
  expect(files()).toEqual([]);
});

test.each([
  ["prompts", ["--prompts", "pipe"]],
  ["a picture", ["a fox", "--image", "pipe"]],
])("Ctrl-C ends the waiting for a pipe of %s", async (_, args) => {
  const { options } = freshPlaces(`piped-${args.length}`);
  spawnSync("mkfifo", ["pipe"], options);
  const child = spawn(process.execPath, [main, ...args, "-o", "a.png"], { ...options, stdio: "ignore" });
  const ended = once(child, "exit");
  await setTimeout(1500); // it has been opened, and nobody writes to it
  child.kill("SIGINT");
  expect(await Promise.race([ended, setTimeout(10_000, "waits still")])).toEqual([130, null]);
});

test("Of two processes that want a folder at the same time, exactly one gets it", async () => {
  const { options } = freshPlaces("locked");
  const module = pathToFileURL(join(installed, "dist", "cli", "evaluate", "folder-lock.js")).href;
  const program = `
    import { existsSync, writeFileSync } from "node:fs";
    import { lockFolder } from ${JSON.stringify(module)};
    const [own, other] = process.argv.slice(1);
    let got = 0;
    for (let i = 0; i < 15; i++) {
      writeFileSync(\`\${own}-\${i}\`, "");
      while (!existsSync(\`\${other}-\${i}\`));
      let lock;
      try { lock = lockFolder(\`folder-\${i}\`); got++; } catch {}
      writeFileSync(\`\${own}-\${i}-done\`, "");
      while (!existsSync(\`\${other}-\${i}-done\`));
      lock?.[Symbol.dispose]?.();
    }
    console.log(got);`;
  const run = async (own: string, other: string): Promise<number> => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", program, own, other], {
      ...options,
      stdio: "pipe",
    });
    let output = "";
    child.stdout.on("data", (text) => (output += text));
    await once(child, "exit");
    return Number(output);
  };
  const [a, b] = await Promise.all([run("a", "b"), run("b", "a")]);
  expect(a + b).toBe(15);
});
