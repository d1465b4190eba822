import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Ended, run, succeed } from "./run.ts";

/** How an installation ended, and to which hosts it wanted to connect beside npm's registry. */
export interface WatchedInstallation extends Ended {
  readonly refused: readonly string[];
}

const PRELOADED = fileURLToPath(new URL("registry-only.cjs", import.meta.url)).replaceAll("\\", "/");

/** Installs packages with scripts enabled where nothing but npm's registry, or the proxy to it, can be reached. */
export async function installFromRegistryOnly(
  packages: readonly string[],
  folder: string,
): Promise<WatchedInstallation> {
  const settings = await Promise.all(
    ["registry", "proxy", "https-proxy"].map((name) => succeed("npm", ["config", "get", name], folder)),
  );
  const hosts = settings.map((setting) => setting.trim()).filter((setting) => URL.canParse(setting));
  const list = join(folder, "refused-hosts.txt");
  const ended = await run("npm", ["install", ...packages], folder, {
    ALLOWED_HOSTS: hosts.map((url) => new URL(url).hostname).join(","),
    REFUSED_HOSTS: list,
    NODE_OPTIONS: `--require "${PRELOADED}"`,
    npm_config_ignore_scripts: "false",
  });
  return { ...ended, refused: existsSync(list) ? readFileSync(list, "utf8").trim().split("\n") : [] };
}
