#!/usr/bin/env node
/** Loaded while the program runs, so that what keeps it from being loaded is told in a sentence, too. */
async function load() {
  try {
    const [{ runProgram }, { terminal }, { exitCodeOf }] = await Promise.all([
      import("./program.ts"),
      import("./terminal/console.ts"),
      import("./terminal/exit-code.ts"),
    ]);
    return { runProgram, terminal, exitCodeOf };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const advice = reason.startsWith("EMFILE") ? "; ulimit -n says how many may be open, 256 are enough" : "";
    process.stderr.write(`deepcache: Cannot load the program: ${reason}${advice}\n`);
    process.exitCode = 1;
    return undefined;
  }
}

const program = await load();
try {
  await program?.runProgram(process.argv.slice(2), program.terminal);
} catch (error) {
  process.exitCode = program?.exitCodeOf(error, program.terminal) ?? 1;
}

export {};
