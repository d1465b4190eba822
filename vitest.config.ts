import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    setupFiles: ["tests/support/matchers.ts"],
    testTimeout: 60_000,
    // ONNX Runtime uses every core by itself; more workers than cores only slow it down.
    pool: "forks",
    maxWorkers: 2,
  },
});
