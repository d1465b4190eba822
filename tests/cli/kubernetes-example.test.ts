import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { runCli } from "../support/cli.ts";
import { MAIN } from "../support/processes.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-kubernetes-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Container {
  readonly args: readonly string[];
}
interface Described {
  readonly kind: string;
  readonly data: Readonly<Record<string, string>>;
  readonly spec: {
    readonly completions: number;
    readonly completionMode: string;
    readonly template: { readonly spec: { readonly containers: readonly Container[] } };
  };
}

const described = (name: string): Described[] =>
  parseAllDocuments(readFileSync(new URL(`../../examples/kubernetes/${name}`, import.meta.url), "utf8")).map(
    (document) => document.toJS() as Described,
  );

test("The indexed job makes every shard once, and the second job joins them to what one machine makes", {
  timeout: 120_000,
}, async () => {
  const [prompts, shards, merge] = described("evaluation.yaml");
  for (const [name, text] of Object.entries(prompts?.data ?? {})) writeFileSync(join(folder, name), text);
  // The image has npx; here, the program as it was built stands for it.
  writeFileSync(join(folder, "npx"), `#!/bin/sh\nshift\nexec "${process.execPath}" "${MAIN}" "$@" $MORE\n`, {
    mode: 0o755,
  });
  const run = async (described: Described | undefined, more: string, index?: number): Promise<void> => {
    const [script = ""] = described?.spec.template.spec.containers[0]?.args ?? [];
    const here = script.replaceAll(/(?<=[\s"])\/(?:results|prompts)\//g, `${folder}/`);
    const PATH = `${folder}:${process.env["PATH"]}`;
    const env = { PATH, MORE: more, ...(index === undefined ? {} : { JOB_COMPLETION_INDEX: String(index) }) };
    await promisify(execFile)("sh", ["-c", here], { env });
  };
  expect(shards?.spec.completionMode).toBe("Indexed");
  const small = "--count 4 --batch 1 --steps 2 --threads 1";
  for (let index = 0; index < (shards?.spec.completions ?? 0); index++) await run(shards, small, index);
  await run(merge, "");
  const flags = ["--prompts", join(folder, "prompts.txt"), "--guidance-scale", "4", ...small.split(" ")];
  await runCli("eval", ...flags, "--policies", "off,uniform:3:0,uniform:5:0", "--output", join(folder, "whole"));
  for (const name of ["results.jsonl", "summary.json", "settings.json", "images/uniform-3-0/3.png"]) {
    expect(readFileSync(join(folder, "evaluation", name)), name).toEqual(readFileSync(join(folder, "whole", name)));
  }
});

test("Workers are started with flags that there are", async () => {
  const [workers] = described("workers.yaml");
  const [{ args = [] } = {}] = workers?.spec.template.spec.containers ?? [];
  const help = (await runCli("worker", "--help")).stdout;
  for (const flag of args.filter((word) => word.startsWith("--"))) expect(help).toContain(flag);
});
