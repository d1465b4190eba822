import { Command } from "commander";
import { VERSION } from "../pipelines/version.ts";
import { addBench } from "./commands/bench.ts";
import { addCompare } from "./commands/compare.ts";
import { addEval } from "./commands/eval.ts";
import { addFid } from "./commands/fid.ts";
import { addGenerate } from "./commands/generate.ts";
import { addInspect } from "./commands/inspect.ts";
import { addPlan } from "./commands/plan.ts";
import type { Terminal } from "./terminal/console.ts";

/** The command line, printing to `terminal`. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command("deepcache")
    .description("Diffusion models made fast: DeepCache on ONNX Runtime, from the checkpoints you already have.")
    .version(VERSION)
    .showHelpAfterError("(add --help for the flags)")
    .exitOverride()
    .configureOutput({ writeOut: terminal.printText, writeErr: terminal.warnText });
  for (const add of [addGenerate, addCompare, addEval, addFid, addBench, addInspect, addPlan]) add(program, terminal);
  program.addHelpText(
    "after",
    `
Start here:
  deepcache compare "a fox on a teal background"   original and accelerated, side by side
  deepcache generate "an owl on a pink background" --interval 3
  deepcache inspect stable-diffusion-v1-5          what caching saves, branch by branch`,
  );
  return program;
}
