import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { paced } from "../src/state/paced.ts";

test("what is asked for often is looked at now and then, and once more after the last time", async () => {
  const looks: number[] = [];
  let asked = 0;
  const { ask } = paced(() => looks.push(asked), 200);
  while (asked < 1000) {
    asked++;
    await ask();
  }
  expect(looks[0]).toBe(1);
  expect(looks.length).toBeLessThan(50);
  await expect.poll(() => looks.at(-1), { timeout: 5000 }).toBe(1000);
  await delay(300);
  const { length } = looks;
  asked++;
  await ask();
  expect(looks.slice(length)).toEqual([1001]);
});

test("the last look is the end of it", async () => {
  const looks: string[] = [];
  const { ask, end } = paced(() => looks.push("look"), 20);
  await ask();
  await ask();
  end();
  await delay(60);
  expect(looks).toEqual(["look", "look"]);
});
