import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import type { Environment } from "../../settings.ts";

/** The environment of this process. */
export const nodeEnvironment: Environment = {
  variables: process.env,
  homeFolder: homedir(),
  readText: async (path) => await readFile(path, "utf8").catch(() => undefined),
};
