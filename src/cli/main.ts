#!/usr/bin/env node
import { createProgram } from "./program.ts";
import { exitCodeOf } from "./exit-code.ts";
import { terminal } from "./console.ts";

try {
  await createProgram(terminal).parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error, terminal);
}
