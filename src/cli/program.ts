import { Command } from "commander";
import { VERSION } from "../pipelines/version.ts";
import { withCommand } from "./arguments.ts";
import { addBench } from "./commands/bench.ts";
import { addCompare } from "./commands/compare.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addEval } from "./commands/eval.ts";
import { addFid } from "./commands/fid.ts";
import { addGenerate } from "./commands/generate.ts";
import { addInspect } from "./commands/inspect.ts";
import { addPlan } from "./commands/plan.ts";
import { addTune } from "./commands/tune.ts";
import type { Terminal } from "./terminal/console.ts";
import { capThreads } from "./terminal/cores.ts";

/** The commands by what they are for, as help lists them. */
const COMMANDS = {
  "Make pictures:": [addGenerate, addCompare],
  "Measure:": [addEval, addTune, addFid, addBench],
  "Look up:": [addInspect, addPlan, addDoctor],
} as const;

/** Runs the command line `args`, printing to `terminal`; what goes wrong is thrown. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<void> {
  const program = createProgram(terminal);
  const names = program.commands.map((command) => command.name());
  await program.parseAsync([...withCommand(args, names)], { from: "user" });
}

function createProgram(terminal: Terminal): Command {
  const program = new Command("deepcache")
    .description("Diffusion models made fast: DeepCache on ONNX Runtime, from the checkpoints you already have.")
    .usage('[command] [flags]\n       deepcache "what the picture shows" [flags of generate]')
    .version(VERSION)
    .showHelpAfterError("(add --help for the flags)")
    .exitOverride()
    .configureOutput({ writeOut: terminal.printText, writeErr: terminal.warnText })
    .hook("preAction", (_, command) => capThreads(command, terminal));
  for (const [group, commands] of Object.entries(COMMANDS)) {
    program.commandsGroup(group);
    for (const add of commands) add(program, terminal);
  }
  program.addHelpText(
    "after",
    `
Start here:
  deepcache "a fox on a teal background"           a picture
  deepcache compare "a fox on a teal background"   original and accelerated, side by side
  deepcache "an owl on a pink background" --interval 3
  deepcache inspect sd15                           what caching saves, branch by branch`,
  );
  return program;
}
