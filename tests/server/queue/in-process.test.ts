import { expect, test } from "vitest";
import { inProcessQueue } from "../../../src/server/queue/queues/in-process.ts";
import { all } from "../serving.ts";
import { describeQueue } from "./queue-suite.ts";

describeQueue("A queue in this process", { outlives: false }, async (making) => inProcessQueue(making));

test("Jobs that have ended are let go of after a while, and where there are many", async () => {
  let time = 0;
  const work = async () => ({ model: "a" }) as never;
  const queue = inProcessQueue({ work, kept: 2, keptSeconds: 60, now: () => time });
  const make = async (): Promise<string> => {
    const id = await queue.submit({ model: "a", options: {}, owner: "one" });
    await all(queue.events(id));
    return id;
  };
  const [first, second, third] = [await make(), await make(), await make()];
  expect(await queue.find(first)).toBeUndefined();
  expect([await queue.find(second), await queue.find(third)]).toEqual([expect.any(Object), expect.any(Object)]);
  time = 61_000;
  expect(await queue.find(third)).toBeUndefined();
});
