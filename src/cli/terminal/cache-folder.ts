import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** Where the program keeps what it can make again. As the standard of $XDG_CACHE_HOME has it, a relative path does not count. */
export function cacheFolder(): string {
  const { XDG_CACHE_HOME: given = "" } = process.env;
  return join(isAbsolute(given) ? given : join(homedir(), ".cache"), "deepcache");
}
