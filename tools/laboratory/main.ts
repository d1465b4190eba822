// What else than a forecast may win: guidance whose halves are evaluated apart, and evaluations that are skipped. For each
// budget the same search is let change more and more of the tuned schedule, and what it finds is checked on pictures that
// it has not seen. Prints and writes JSON: npm run laboratory -- OUTPUT [TRIALS]
import { readFile, writeFile } from "node:fs/promises";
import { psnr } from "../../src/metrics/psnr.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { mean, pairedDifference } from "../../src/tuning/statistics.ts";
import { randomOf } from "../fuzz/random.ts";
import { fseOf, type Halves, type Step } from "./halves.ts";
import { climb, type Found, type Freedom } from "./search.ts";
import { openStage, type Stage, type Subject } from "./stage.ts";

const EVALUATION = "evaluations/fluent-scenes-forecasts";
const BATCH = 4;
const CALIBRATION = 12;
const CHECK = 48;
const BUDGETS = [8.5, 10];
const REFERENCE = { sampler: "dpmpp-2m-trailing", steps: 200 } as const;
const SAMPLER = "dpmpp-2m-karras";

const FREEDOMS: Readonly<Record<string, Freedom>> = {
  "halves together": { apart: false, skips: false },
  "halves apart": { apart: true, skips: false },
  "half without the prompt skipped": { apart: true, skips: true },
  "whole evaluations skipped": { apart: false, skips: true },
};

const [output, trialsText = "80"] = process.argv.slice(2);
if (output === undefined) throw new Error("Give the JSON file to write");
const trials = Number(trialsText);

await using stage = await openStage(BATCH);
const lines = async (path: string): Promise<string[]> =>
  (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
const tuning = await lines(`${EVALUATION}/tuning-prompts.txt`);
const others = await lines("evaluations/fluent-scenes/prompts.txt");
const calibration = tuning.slice(0, CALIBRATION).map((prompt, i): Subject => ({ prompt, seed: 90_000 + i }));
const check = others.slice(0, CHECK).map((prompt, i): Subject => ({ prompt, seed: 70_000 + i }));

const whole = (steps: number): Halves => {
  const all = Array.from({ length: steps }, (): Step => "full");
  return { without: all, with: all };
};
const { points } = JSON.parse(await readFile(`${EVALUATION}/profile.json`, "utf8"));
const targets = await reference(stage, calibration);
const checkTargets = await stage.decode(await reference(stage, check));
const results = [];

for (const budget of BUDGETS) {
  const { steps, cache } = points.find((point: { budget: number }) => point.budget === budget);
  const own = Array.from({ length: steps }, (_, i): Step => (cache.full.includes(i) ? "full" : "cached"));
  const tuned: Halves = { without: own, with: own };
  const dampings = (prediction: number) => ({ feature: 0.5, prediction });
  const latentsOf = (subjects: readonly Subject[], halves: Halves, prediction: number): Promise<Tensor[]> =>
    stage.run(subjects, { sampler: SAMPLER, halves, dampings: dampings(prediction) });
  const score = async (halves: Halves, prediction = 1): Promise<number> =>
    mean((await latentsOf(calibration, halves, prediction)).map((latents, i) => closeness(latents, targets[i]!)));
  const search = (start: Found, freedom: Freedom): Promise<Found> =>
    climb(start, score, { ...freedom, budget, ratio: stage.ratio, trials, random: randomOf(budget * 10).next });

  const start = await search({ halves: tuned, score: await score(tuned) }, FREEDOMS["halves together"]!);
  let base: { readonly psnr: readonly number[] } | undefined;
  for (const [name, freedom] of Object.entries(FREEDOMS)) {
    const { halves, score: found } = await search(start, freedom);
    let best = { prediction: 1, score: found };
    for (const prediction of skipsOf(halves) ? [0, 0.5, 0.75] : []) {
      const other = await score(halves, prediction);
      if (other > best.score) best = { prediction, score: other };
    }
    const images = await stage.decode(await latentsOf(check, halves, best.prediction));
    const values = images.map((image, i) => psnr(image, checkTargets[i]!));
    base ??= { psnr: values };
    const result = {
      ...{ budget, name, fse: fseOf(halves, stage.ratio), calibration: best.score, prediction: best.prediction },
      ...{ psnr: mean(values), images: values.length, overTogether: pairedDifference(values, base.psnr) },
      halves: { without: written(halves.without), with: written(halves.with) },
    };
    console.log(JSON.stringify(result));
    results.push(result);
    await writeFile(
      output,
      `${JSON.stringify({ sampler: SAMPLER, reference: REFERENCE, trials, results }, null, 2)}\n`,
    );
  }
}

function skipsOf({ without, with: own }: Halves): boolean {
  return [...without, ...own].includes("skipped");
}

function written(steps: readonly Step[]): string {
  return steps.map((step) => ({ full: "F", cached: "c", skipped: "-" })[step]).join("");
}

async function reference({ run }: Stage, subjects: readonly Subject[]): Promise<Tensor[]> {
  const { sampler, steps } = REFERENCE;
  return await run(subjects, { sampler, halves: whole(steps), dampings: { feature: 0, prediction: 0 } });
}

/** Peak signal-to-noise ratio of latents for a peak of 1, dB. */
function closeness({ data }: Tensor, { data: target }: Tensor): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += (data[i]! - target[i]!) ** 2;
  return -10 * Math.log10(Math.max(sum / data.length, 1e-12));
}
