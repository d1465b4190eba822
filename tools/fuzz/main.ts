import { fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeCase, READER_NAMES, type ReaderName } from "./cases.ts";
import type { ChildMessage, ChildTask } from "./child.ts";
import { type CaseName, runCase } from "./run-cases.ts";

// npm run fuzz -- [--seed 1] [--cases 10000] [--readers torch,png] [--seconds 600]
// npm run fuzz -- --seed 1 --readers torch --case 4711 > file     makes the file of one case again
// Gives every reader so many files and says what went wrong; exits with 1 where something did.

/** What no case may take. */
const MOST = { seconds: 2, mebibytes: 300 } as const;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    cases: { type: "string", default: "10000" },
    readers: { type: "string", default: READER_NAMES.join(",") },
    seconds: { type: "string", default: "1e9" },
    case: { type: "string" },
    alone: { type: "string" },
  },
});
const seed = Number(values.seed);
const readers = values.readers.split(",").map(readerNamed);
const deadline = Date.now() + 1000 * Number(values.seconds);

function readerNamed(name: string): ReaderName {
  const found = READER_NAMES.find((known) => known === name);
  if (found === undefined) throw new RangeError(`Cannot fuzz "${name}": one of ${READER_NAMES.join(", ")} is required`);
  return found;
}

/** Runs one case in this process, and says what it took of it. */
async function runAlone(number: number): Promise<void> {
  const [reader = "safetensors"] = readers;
  await runCase({ seed, reader, number: -1 }); // what is loaded and compiled once is no part of it
  const [before, resident] = [process.cpuUsage(), process.resourceUsage().maxRSS];
  await runCase({ seed, reader, number });
  const { user, system } = process.cpuUsage(before);
  const mebibytes = (process.resourceUsage().maxRSS - resident) / 1024;
  console.log(JSON.stringify({ seconds: (user + system) / 1e6, mebibytes }));
}

/** Runs a case in a process of its own, where nothing else takes time or memory; says what is wrong with it. */
function judgeAlone({ reader, number }: CaseName): string | undefined {
  const args = ["--seed", String(seed), "--readers", reader, "--alone", String(number)];
  const { status, signal, stdout } = spawnSync(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), ...args],
    {
      encoding: "utf8",
      timeout: 30_000,
      killSignal: "SIGKILL",
    },
  );
  if (status !== 0) return `ended with ${signal ?? status}`;
  const { seconds, mebibytes } = JSON.parse(stdout) as { readonly seconds: number; readonly mebibytes: number };
  if (seconds > MOST.seconds) return `took ${seconds.toFixed(1)} s`;
  return mebibytes > MOST.mebibytes ? `took ${mebibytes.toFixed(0)} MiB` : undefined;
}

type Found = (number: number, fault: string) => void;

/** Runs the cases of a reader from one number on, as far as one process gets; gives the next number. */
async function runProcess(reader: ReaderName, from: number, to: number, found: Found): Promise<number> {
  const child = fork(fileURLToPath(new URL("./child.ts", import.meta.url)), {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let [number, began] = [from, Number.POSITIVE_INFINITY];
  let isEnded = false; // by this process
  child.on("message", (message: ChildMessage) => {
    number = message.number;
    began = Date.now();
    if (message.fault !== undefined) found(number, message.fault);
  });
  const end = (): void => {
    isEnded = true;
    child.kill("SIGKILL");
  };
  const watch = setInterval(() => {
    const isSlow = Date.now() - began > 1000 * MOST.seconds;
    if (Date.now() > deadline || isSlow || residentMebibytes(child.pid) > 3 * MOST.mebibytes) end();
  }, 100);
  child.send({ seed, reader, from, to } satisfies ChildTask);
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  clearInterval(watch);
  if (code === 0 || Date.now() > deadline) return to;
  const fault = isEnded ? judgeAlone({ seed, reader, number }) : `ended with ${signal ?? code}`;
  if (fault !== undefined) found(number, fault);
  return number + 1;
}

/** Memory of a process, where the system tells. */
function residentMebibytes(id: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${id}/statm`, "utf8").split(" ")[1]) / 256;
  } catch {
    return 0;
  }
}

/** Alike but for numbers and what is quoted. */
const kindOf = (reader: string, fault: string): string =>
  `${reader}: ${fault
    .replace(/"(?:[^"\\]|\\.)*"/g, '"…"')
    .replace(/\d+/g, "#")
    .slice(0, 140)}`;

async function runAll(): Promise<void> {
  const kinds = new Map<string, { count: number; readonly first: number }>();
  const cases = Number(values.cases);
  for (const reader of readers) {
    const began = Date.now();
    const found: Found = (number, fault) => {
      const kind = kindOf(reader, fault);
      const known = kinds.get(kind);
      if (known === undefined) {
        kinds.set(kind, { count: 1, first: number });
        console.log(`  ${kind} (case ${number})`);
      } else known.count++;
    };
    for (let from = 0; from < cases && Date.now() < deadline; ) from = await runProcess(reader, from, cases, found);
    console.log(`${reader}: ${cases} files in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }
  const total = [...kinds.values()].reduce((sum, { count }) => sum + count, 0);
  console.log(`seed ${seed}: ${total} findings of ${kinds.size} kinds`);
  process.exitCode = total === 0 ? 0 : 1;
}

const [first = "safetensors"] = readers;
if (values.case !== undefined) process.stdout.write(makeCase(seed, first, Number(values.case)));
else if (values.alone !== undefined) await runAlone(Number(values.alone));
else await runAll();
