// Loaded with `node --import`: says on stderr what the process took at most, as its last line.
import { writeSync } from "node:fs";

process.on("exit", () => {
  writeSync(2, `\npeak ${1024 * process.resourceUsage().maxRSS}\n`);
});
