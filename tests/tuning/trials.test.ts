import { expect, test } from "vitest";
import { journalIn } from "../../src/cli/tune/journal.ts";
import { trialsOf } from "../../src/tuning/trials.ts";
import type { TuningSubject } from "../../src/tuning/tuning.ts";
import { memoryStore } from "../../tools/fuzz/evaluation-reader.ts";

const RUN = { sampler: "ddim", steps: 4, cache: { kind: "off" } } as const;
const OPTIONS = {
  ...{ budgets: [4], samplers: [], branch: 0, trials: 1, timestepTrials: 0, look: 1 },
  reference: { sampler: "ddim", steps: 4 },
} as const;
const PACKED = Buffer.alloc(16).toString("base64");
const FOUND = { scores: [30], evaluations: 4, fse: 4, ratio: 0.2 };

/** Scores a run after a search that left `lines`; gives the score, and how many sets were made for it. */
async function scored(lines: readonly object[]): Promise<{ score: number; made: number }> {
  let made = 0;
  const subject: TuningSubject = {
    async run() {
      made++;
      return { latents: [new Float32Array(4)], images: [], evaluations: 4, fse: 4, ratio: 0.2 };
    },
    timesteps: async () => [],
  };
  const text = [{ key: "settings", value: "digest" }, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
  const journal = journalIn(memoryStore({ "trials.jsonl": text }), "folder", "digest");
  const { score } = await trialsOf(subject, OPTIONS, journal, () => {}).score(RUN);
  return { score, made };
}

test("Trials of a search that was stopped are not made again", async () => {
  const lines = [
    { key: "reference ddim:4", value: [PACKED] },
    { key: JSON.stringify(RUN), value: FOUND },
  ];
  expect(await scored(lines)).toEqual({ score: 30, made: 0 });
});

test.each([
  ["numbers for texts", [5], FOUND],
  ["texts of no float32 numbers", ["AAA="], FOUND],
  ["a number for a list", 5, FOUND],
  ["a trial without scores", [PACKED], { ...FOUND, scores: null }],
  ["a trial of texts", [PACKED], { ...FOUND, fse: "4" }],
])("Trials of which a search has kept %s are made again", async (_, reference, found) => {
  const lines = [
    { key: "reference ddim:4", value: reference },
    { key: JSON.stringify(RUN), value: found },
  ];
  expect((await scored(lines)).made).toBe(1);
});
