import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // The examples import the package by its name.
  resolve: { alias: { deepcache: fileURLToPath(new URL("src/index.ts", import.meta.url)) } },
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/support/runtimes/vulkan.ts"],
    setupFiles: ["tests/support/assertions/matchers.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // ONNX Runtime uses every core by itself; more workers than cores only slow it down.
    pool: "forks",
    maxWorkers: 2,
  },
});
