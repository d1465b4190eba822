import { expect, test } from "vitest";
import { seedSequence } from "../../src/tensor/seed-sequence.ts";

// numpy 2.4.6: np.random.SeedSequence(entropy, spawn_key=…, pool_size=…).generate_state(n)
test.each([
  [{ entropy: 7, poolSize: 24 }, [1376543887, 623213690, 436845524]],
  [{ entropy: 12345, spawnKey: [1] }, [1457248422, 358904087, 711457119, 482272698, 2884697037, 68710443]],
  [{ entropy: 2 ** 40 + 3, spawnKey: [5, 3], poolSize: 24 }, [3262805002, 3352222441, 534787907, 1409252514]],
  [{ entropy: 0, spawnKey: [2 ** 35 + 1, 40], poolSize: 24 }, [3123704471, 256675764, 176341678, 3362254409]],
])("seedSequence(%j) gives numpy's words", (options, words) => {
  expect(seedSequence(options, words.length)).toEqual(words);
});
