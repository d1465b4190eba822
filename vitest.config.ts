import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";

const src = fileURLToPath(new URL("src", import.meta.url));
const clients = fileURLToPath(new URL("tests/clients/node_modules", import.meta.url));

export default defineConfig({
  // The examples import the package by its name.
  resolve: {
    alias: [
      { find: /^deepcache$/, replacement: `${src}/index.ts` },
      { find: /^deepcache\/(.+\.ts)$/, replacement: `${src}/$1` }, // as the studio does
      { find: /^deepcache\/([\w-]+)$/, replacement: `${src}/$1.ts` },
      // Clients of the server ask for a later Node than the package, and so are not among its own dependencies.
      { find: /^(ai|ai-6|openai|express)$/, replacement: `${clients}/$1` },
    ],
  },
  test: {
    include: ["tests/**/*.test.ts", "apps/studio/tests/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "tests/package/**"], // they take the packed package: npm run test:package
    globalSetup: ["tests/support/runtimes/vulkan.ts", "tests/support/runtimes/openvino.ts"],
    setupFiles: ["tests/support/assertions/matchers.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // ONNX Runtime uses every core by itself; more workers than cores only slow it down.
    pool: "forks",
    maxWorkers: 2,
  },
});
