// Kills one of two workers every few seconds and prints what became of the jobs: npm run load:workers [-- SECONDS].
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { redisServer } from "../../tests/server/queue/redis-server.ts";

const [seconds = "120"] = process.argv.slice(2);
const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Starts a command and waits for the first line that it prints. */
async function start(...args: readonly string[]): Promise<{ readonly child: ChildProcess; readonly line: string }> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "ignore"] });
  const [line] = await once(child.stdout as NonNullable<typeof child.stdout>, "data");
  return { child, line: String(line).trim() };
}

await using redis = await redisServer();
const { child: server, line } = await start("serve", "--redis", redis.url, "--port", "0");
const url = line.replace(/^[\s\S]*(http)/, "$1");
const worker = async (): Promise<ChildProcess> =>
  (await start("worker", "--redis", redis.url, "--patience", "2", "--threads", "1")).child;
const workers = [await worker(), await worker()];
await pause(4000); // the server looks for models every three seconds

const until = performance.now() + Number(seconds) * 1000;
const ids: string[] = [];
let kills = 0;
const ask = async (): Promise<void> => {
  while (performance.now() < until) {
    const body = JSON.stringify({ prompt: "a fox", seed: ids.length, steps: 8 });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${url}/jobs`, { method: "POST", headers, body });
    if (answer.status === 202) ids.push(((await answer.json()) as { id: string }).id);
    await pause(answer.status === 202 ? 500 : 2000);
  }
};
const kill = async (): Promise<void> => {
  while (performance.now() < until) {
    await pause(3000 + (kills % 3) * 1000);
    workers[kills % 2]?.kill("SIGKILL");
    workers[kills % 2] = await worker();
    kills++;
  }
};
await Promise.all([ask(), kill()]);

const lost: string[] = [];
for (const [seed, id] of ids.entries()) {
  const events = await (await fetch(`${url}/jobs/${id}/events`)).text(); // up to the last of them
  const ends = events.match(/^event: (done|failed|cancelled)$/gm) ?? [];
  const seeds = [...events.matchAll(/"seed":(\d+)/g)].map(([, found]) => Number(found));
  if (ends.join() !== "event: done" || seeds.join() !== String(seed))
    lost.push(`${id}: ${ends.join()} ${seeds.join()}`);
}
console.log(JSON.stringify({ seconds: Number(seconds), jobs: ids.length, kills, lost }, null, 2));
for (const child of [server, ...workers]) child.kill("SIGKILL");
process.exitCode = lost.length === 0 ? 0 : 1;
