#!/usr/bin/env node
import { terminal } from "./console.ts";
import { exitCodeOf } from "./exit-code.ts";
import { createProgram } from "./program.ts";

try {
  await createProgram(terminal).parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error, terminal);
}
