// Kills one of two workers every few seconds, each fourth time gently, stops Redis once and starts it again, and prints what became
// of the jobs, as a table for docs/server.md and as JSON: npm run load:workers [-- SECONDS].
import type { ChildProcess } from "node:child_process";
import { redisServer } from "../../tests/server/queue/redis-server.ts";
import { processes } from "../../tests/support/processes.ts";
import { table } from "./load.ts";

const [seconds = "120"] = process.argv.slice(2);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

await using redis = await redisServer();
await using running = processes();
const { line } = await running.start("serve", "--redis", redis.url, "--port", "0");
const url = line.replace(/^[\s\S]*(http)/, "$1");
const worker = async (): Promise<ChildProcess> =>
  (await running.start("worker", "--redis", redis.url, "--patience", "2", "--threads", "1", "--grace", "1")).child;
const workers = [await worker(), await worker()];
await pause(4000); // the server looks for models every three seconds

const begin = performance.now();
const until = begin + Number(seconds) * 1000;
const ids: string[] = [];
const health: number[] = [];
let refused = 0;
const ask = async (): Promise<void> => {
  while (performance.now() < until) {
    const body = JSON.stringify({ prompt: "a fox", seed: ids.length, steps: 8 });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${url}/jobs`, { method: "POST", headers, body });
    if (answer.status === 202) ids.push(((await answer.json()) as { id: string }).id);
    else refused++; // too many wait
    await pause(answer.status === 202 ? 500 : 2000);
  }
};
const watch = async (): Promise<void> => {
  while (performance.now() < until) {
    const asked = performance.now();
    const { status } = await fetch(`${url}/health`);
    health.push(status === 200 ? performance.now() - asked : Number.POSITIVE_INFINITY);
    await pause(100);
  }
};
let [kills, stops] = [0, 0];
const kill = async (): Promise<void> => {
  for (let turn = 0; performance.now() < until; turn++) {
    await pause(3000 + (turn % 3) * 1000);
    const gently = turn % 4 === 3;
    const chosen = workers[turn % 2];
    if (chosen !== undefined) await running.end(chosen, gently ? "SIGTERM" : "SIGKILL");
    workers[turn % 2] = await worker();
    if (gently) stops++;
    else kills++;
  }
};
const interruptRedis = async (): Promise<void> => {
  await pause((until - begin) / 2);
  await redis.stop();
  await pause(2000);
  await redis.start();
};
await Promise.all([ask(), watch(), kill(), interruptRedis()]);

const lost: string[] = [];
let twice = 0;
for (const [seed, id] of ids.entries()) {
  const events = await (await fetch(`${url}/jobs/${id}/events`)).text(); // up to the last of them
  const ends = events.match(/^event: (done|failed|cancelled)$/gm) ?? [];
  const seeds = [...events.matchAll(/"seed":(\d+)/g)].map(([, found]) => Number(found));
  if ((events.match(/^event: running$/gm) ?? []).length > 1) twice++;
  if (ends.join() !== "event: done" || seeds.join() !== String(seed))
    lost.push(`${id}: ${ends.join()} ${seeds.join()}`);
}
const report = { seconds: Number(seconds), jobs: ids.length, refused, kills, stops, twice, lost };
const slowest = Math.max(...health);
const rows = [
  ["seconds", seconds],
  ["workers killed; stopped gently; Redis stopped and started again", `${kills}; ${stops}; 1`],
  ["jobs taken; refused because too many waited", `${ids.length}; ${refused}`],
  ["jobs done exactly once", `${ids.length - lost.length}`],
  ["of them, begun more than once", `${twice}`],
  ["lost, or done in another way", `${lost.length}`],
  ["milliseconds to an answer on health, most", slowest.toFixed(0)],
] as const;
console.log(`${table("of two workers", rows)}\n\n${JSON.stringify({ ...report, health: slowest }, null, 2)}`);
process.exitCode = lost.length === 0 ? 0 : 1;
