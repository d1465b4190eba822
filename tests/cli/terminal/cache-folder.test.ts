import { homedir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { cacheFolder } from "../../../src/cli/terminal/cache-folder.ts";

afterEach(() => vi.unstubAllEnvs());

test.each([
  [undefined, join(homedir(), ".cache", "deepcache")],
  ["", join(homedir(), ".cache", "deepcache")],
  ["relative", join(homedir(), ".cache", "deepcache")],
  ["/somewhere", join("/somewhere", "deepcache")],
])("With XDG_CACHE_HOME %j the cache lies in %s", (given, folder) => {
  vi.stubEnv("XDG_CACHE_HOME", given);
  expect(cacheFolder()).toBe(folder);
});
