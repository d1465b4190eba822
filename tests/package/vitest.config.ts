import { defineConfig } from "vitest/config";

// The package as others get it: packed, installed into folders of its own, and used by what others use. These tests take
// what they need (Node's other versions, Bun, Deno) from npm: npm run test:package.
export default defineConfig({
  test: {
    include: ["tests/package/*.test.ts"],
    globalSetup: ["tests/package/support/setup.ts"],
    testTimeout: 300_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
