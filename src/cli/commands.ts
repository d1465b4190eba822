import type { Command } from "commander";
import type { Terminal } from "./terminal/console.ts";

/** A command as the list of commands shows it, and where its code is. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Loads what adds the command to the program: the code of others is not needed for it. */
  load(): Promise<(program: Command, terminal: Terminal) => void>;
}

/** The commands by what they are for, as help lists them. */
export const COMMANDS: Readonly<Record<string, readonly CommandEntry[]>> = {
  "Make pictures:": [
    {
      name: "generate",
      summary: "make pictures from prompts; the command to leave out",
      load: async () => (await import("./commands/generate.ts")).addGenerate,
    },
    {
      name: "compare",
      summary: "original and accelerated, side by side, with times and difference",
      load: async () => (await import("./commands/compare.ts")).addCompare,
    },
  ],
  "Models:": [
    {
      name: "pull",
      summary: "download a model by its id or address, or go on with it",
      load: async () => (await import("./commands/pull.ts")).addPull,
    },
    {
      name: "models",
      summary: "what has been downloaded, how large it is, and removing it",
      load: async () => (await import("./commands/models.ts")).addModels,
    },
  ],
  "Serve:": [
    {
      name: "serve",
      summary: "answer other programs over HTTP, as OpenAI's and AUTOMATIC1111's servers do",
      load: async () => (await import("./commands/serve.ts")).addServe,
    },
    {
      name: "worker",
      summary: "do the jobs of servers that share a Redis",
      load: async () => (await import("./commands/worker.ts")).addWorker,
    },
  ],
  "Measure:": [
    {
      name: "eval",
      summary: "speed, compute and quality of cache policies, in one table and one report",
      load: async () => (await import("./commands/eval.ts")).addEval,
    },
    {
      name: "tune",
      summary: "search the best sampler, steps and cache for a budget of compute",
      load: async () => (await import("./commands/tune.ts")).addTune,
    },
    {
      name: "fid",
      summary: "compare two folders of pictures by FID and its relatives",
      load: async () => (await import("./commands/fid.ts")).addFid,
    },
    {
      name: "bench",
      summary: "time a U-Net's parts and whole runs, beside their MAC limit",
      load: async () => (await import("./commands/bench.ts")).addBench,
    },
  ],
  "Look up:": [
    {
      name: "inspect",
      summary: "what a model costs at every branch; needs no weights",
      load: async () => (await import("./commands/inspect.ts")).addInspect,
    },
    {
      name: "plan",
      summary: "which evaluations of a run would be full",
      load: async () => (await import("./commands/plan.ts")).addPlan,
    },
    {
      name: "doctor",
      summary: "what this machine has: versions, memory, devices",
      load: async () => (await import("./commands/doctor.ts")).addDoctor,
    },
  ],
};
