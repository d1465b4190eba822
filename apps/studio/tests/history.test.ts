import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { FIRST_FORM } from "../src/state/form.ts";
import { type HistoryEntry, openHistory } from "../src/state/history/history-store.ts";

const lane = { evaluations: [{ full: true, seconds: 1 }], speedup: 1, sampler: "ddim", steps: 1 };

const entry = (id: string, made: number): HistoryEntry => ({
  ...{ id, made, form: { ...FIRST_FORM, seed: made }, name: "N=3", psnr: 30, ssim: 0.9, seconds: [2, 1] },
  original: new Blob(["original"]),
  accelerated: new Blob(["accelerated"]),
  lanes: [lane, lane],
});

test("the history is there again, the newest first, and keeps no more than the most", async () => {
  const store = await openHistory("a", 3);
  for (const made of [1, 3, 2, 4]) await store.add(entry(`e${made}`, made));
  store.close();
  const again = await openHistory("a", 3);
  expect((await again.list()).map(({ id }) => id)).toEqual(["e4", "e3", "e2"]);
  await again.remove("e3");
  const [first, ...others] = await again.list();
  expect([first?.form.seed, others.map(({ id }) => id)]).toEqual([4, ["e2"]]);
  again.close();
});

test("an entry that is kept twice is there once", async () => {
  const store = await openHistory("b");
  await store.add(entry("one", 1));
  await store.add({ ...entry("one", 1), name: "N=5" });
  expect((await store.list()).map(({ name }) => name)).toEqual(["N=5"]);
  store.close();
});
