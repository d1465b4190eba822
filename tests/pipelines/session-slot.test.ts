import { expect, test } from "vitest";
import { sessionSlot } from "../../src/pipelines/run/session-slot.ts";

/** A slot, and what has happened to the sessions that it was given. */
function slotOf() {
  const told: string[] = [];
  const slot = sessionSlot<AsyncDisposable>();
  const get = (key: string) =>
    slot.get(key, async () => {
      told.push(`${key} loaded`);
      return { [Symbol.asyncDispose]: async () => void told.push(`${key} released`) };
    });
  return { slot, told, get };
}

test("A slot releases what it holds before it loads something else, so that memory holds one at a time", async () => {
  const { told, get } = slotOf();
  await get("a");
  await get("b");
  expect(told).toEqual(["a loaded", "a released", "b loaded"]);
});

test("A slot gives what it holds again, and releases it once with itself", async () => {
  const { slot, told, get } = slotOf();
  expect(await get("a")).toBe(await get("a"));
  await slot[Symbol.asyncDispose]();
  await slot[Symbol.asyncDispose]();
  expect(told).toEqual(["a loaded", "a released"]);
});
