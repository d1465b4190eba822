#!/usr/bin/env node
import { runProgram } from "./program.ts";
import { terminal } from "./terminal/console.ts";
import { exitCodeOf } from "./terminal/exit-code.ts";

try {
  await runProgram(process.argv.slice(2), terminal);
} catch (error) {
  process.exitCode = exitCodeOf(error, terminal);
}
