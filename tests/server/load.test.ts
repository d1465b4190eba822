import { expect, test } from "vitest";
import { load } from "../../tools/load/load.ts";
import { serving, TINY } from "./serving.ts";

test("Under load every request is answered as it should be, and nothing is left over", {
  timeout: 120_000,
}, async () => {
  await using server = await serving(TINY);
  const memory = async () => process.memoryUsage.rss();
  const report = await load({ url: server.url, requests: 50, atOnce: 16, steps: 2, memory });
  expect(report).toMatchObject({ lost: [], left: 0, pictures: 40, cancelled: 5, refused: 5 });
  // The full run asks for 100 ms from a process of its own; here clients and other tests share the machine.
  expect(report.health.median).toBeLessThan(500);
});
