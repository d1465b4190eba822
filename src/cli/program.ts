import { Command } from "commander";
import { VERSION } from "../pipelines/version.ts";
import { withCommand } from "./arguments.ts";
import { COMMANDS, type CommandEntry } from "./commands.ts";
import type { Terminal } from "./terminal/console.ts";
import { capThreads } from "./terminal/cores.ts";

/** Runs the command line `args`, printing to `terminal`; what goes wrong is thrown. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<void> {
  const names = Object.values(COMMANDS).flatMap((entries) => entries.map(({ name }) => name));
  const whole = withCommand(args, [...names, "help"]);
  const [first, second] = whole;
  const program = await createProgram(first === "help" ? second : first, terminal);
  await program.parseAsync([...whole], { from: "user" });
}

/** The program with all of its command `wanted`, whose code is loaded for it, and the names of the others. */
async function createProgram(wanted: string | undefined, terminal: Terminal): Promise<Command> {
  const program = new Command("deepcache")
    .description("Diffusion models made fast: DeepCache on ONNX Runtime, from the checkpoints you already have.")
    .usage('[command] [flags]\n       deepcache "what the picture shows" [flags of generate]')
    .version(VERSION)
    .showHelpAfterError("(add --help for the flags)")
    .exitOverride()
    .configureOutput({ writeOut: terminal.printText, writeErr: terminal.warnText })
    .hook("preAction", (_, command) => capThreads(command, terminal));
  for (const [group, entries] of Object.entries(COMMANDS)) {
    program.commandsGroup(group);
    for (const entry of entries) {
      if (entry.name === wanted) (await entry.load())(program, terminal);
      else addName(program, entry);
    }
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

const addName = (program: Command, { name, summary }: CommandEntry): void => {
  program.command(name).summary(summary);
};
