#!/usr/bin/env node
import { createProgram } from "./program.ts";
import { terminal } from "./terminal/console.ts";
import { exitCodeOf } from "./terminal/exit-code.ts";

try {
  await createProgram(terminal).parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error, terminal);
}
