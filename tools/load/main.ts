// Loads a server of this build with requests and prints what came of it, as a table for docs/server.md and as JSON:
// npm run load [-- REQUESTS AT_ONCE].
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { load, loadTable } from "./load.ts";

const [requests = "500", atOnce = "16"] = process.argv.slice(2);
const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const server = spawn(process.execPath, [main, "serve", "--port", "0"], { stdio: ["ignore", "pipe", "ignore"] });
try {
  const [line] = (await once(server.stdout, "data")) as [Buffer];
  const url = line.toString().trim();
  const memory = async (): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1] ?? 0);
  };
  const report = await load({ url, requests: Number(requests), atOnce: Number(atOnce), memory });
  console.log(`${loadTable(report)}\n\n${JSON.stringify(report, null, 2)}`);
  const isWhole = report.lost.length === 0 && report.left === 0 && report.health.most <= 100;
  process.exitCode = isWhole ? 0 : 1;
} finally {
  server.kill("SIGTERM");
}
