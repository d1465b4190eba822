import { describe, expect, test } from "vitest";
import { runQueue } from "../../src/pipelines/run/queue.ts";

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

describe("a queue", () => {
  test("lets runs through one at a time, in the order in which they ask", async () => {
    const queue = runQueue();
    const order: string[] = [];
    const runs = [1, 2, 3].map(async (name) => {
      using _turn = await queue.enter();
      order.push(`begin ${name}`);
      await soon();
      order.push(`end ${name}`);
    });
    expect(queue.length).toBe(3);
    await Promise.all(runs);
    expect(order).toEqual(["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]);
    expect(queue.length).toBe(0);
  });

  test("forgets a run that is aborted while it waits, and no other", async () => {
    const queue = runQueue();
    const first = await queue.enter();
    const controller = new AbortController();
    const [second, third] = [queue.enter(controller.signal), queue.enter()];
    controller.abort();
    await expect(second).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    let entered = false;
    const waiting = third.then((turn) => {
      entered = true;
      return turn;
    });
    await soon();
    expect(entered).toBe(false); // the first still runs
    first[Symbol.dispose]();
    (await waiting)[Symbol.dispose]();
  });

  test("refuses a run where it is busy, if it is told to", async () => {
    const queue = runQueue("reject");
    const turn = await queue.enter();
    await expect(queue.enter()).rejects.toThrow(expect.objectContaining({ code: "BUSY" }));
    turn[Symbol.dispose]();
    (await queue.enter())[Symbol.dispose]();
  });

  test("ends a run for a newer one, if it is told to, and waits until it has ended", async () => {
    const queue = runQueue("replace");
    const first = await queue.enter();
    const waiting = queue.enter();
    const last = queue.enter();
    expect(first.signal.reason).toMatchObject({ name: "AbortError" });
    await expect(waiting).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    let entered = false;
    const after = last.then((turn) => {
      entered = true;
      return turn;
    });
    await soon();
    expect(entered).toBe(false);
    first[Symbol.dispose]();
    expect((await after).signal.aborted).toBe(false);
  });

  test("ends everything where it is closed, and takes nothing more", async () => {
    const queue = runQueue();
    const first = await queue.enter();
    const waiting = queue.enter();
    const closed = queue.close();
    expect(first.signal.reason).toMatchObject({ code: "DISPOSED" });
    await expect(waiting).rejects.toThrow(expect.objectContaining({ code: "DISPOSED" }));
    await expect(queue.enter()).rejects.toThrow(expect.objectContaining({ code: "DISPOSED" }));
    first[Symbol.dispose]();
    await closed;
  });
});
