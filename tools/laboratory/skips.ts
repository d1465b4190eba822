// What whole evaluations cost that are skipped with an extrapolated prediction, beside cached ones with a forecast feature:
// the tuned schedule with its cached evaluations skipped, at several dampings. npm run laboratory:skips -- OUTPUT
import { readFile, writeFile } from "node:fs/promises";
import { psnr } from "../../src/metrics/psnr.ts";
import { mean, pairedDifference } from "../../src/tuning/statistics.ts";
import { fseOf, type Step } from "./halves.ts";
import { openStage, type Subject } from "./stage.ts";

const IMAGES = 48;
const REFERENCE = { sampler: "dpmpp-2m-trailing", steps: 200 } as const;
const SAMPLER = "dpmpp-2m-karras";

const [output] = process.argv.slice(2);
if (output === undefined) throw new Error("Give the JSON file to write");
await using stage = await openStage(4);
const prompts = (await readFile("evaluations/fluent-scenes/prompts.txt", "utf8"))
  .split("\n")
  .filter((line) => line !== "");
const subjects = prompts.slice(0, IMAGES).map((prompt, i): Subject => ({ prompt, seed: 70_000 + i }));
const imagesOf = async (steps: readonly Step[], sampler: typeof SAMPLER | typeof REFERENCE.sampler, prediction = 0) =>
  stage.decode(
    await stage.run(subjects, {
      sampler,
      halves: { without: steps, with: steps },
      dampings: { feature: 0.5, prediction },
    }),
  );
const all = (steps: number): Step[] => Array.from({ length: steps }, () => "full");
const targets = await imagesOf(all(REFERENCE.steps), REFERENCE.sampler);
const { points } = JSON.parse(await readFile("evaluations/fluent-scenes-forecasts/profile.json", "utf8"));
const results = [];
for (const budget of [8.5, 10]) {
  const { steps, cache } = points.find((point: { budget: number }) => point.budget === budget);
  const schedule = (other: Step): Step[] =>
    Array.from({ length: steps }, (_, i) => (cache.full.includes(i) ? "full" : other));
  const cached = (await imagesOf(schedule("cached"), SAMPLER)).map((image, i) => psnr(image, targets[i]!));
  const runs = [{ name: "cached", values: cached, steps: schedule("cached") }];
  for (const damping of [0, 0.5, 0.75, 1]) {
    const images = await imagesOf(schedule("skipped"), SAMPLER, damping);
    const values = images.map((image, i) => psnr(image, targets[i]!));
    runs.push({ name: `skipped, damping ${damping}`, values, steps: schedule("skipped") });
  }
  for (const { name, values, steps: own } of runs) {
    const fse = fseOf({ without: own, with: own }, stage.ratio);
    const result = { budget, name, fse, psnr: mean(values), overCached: pairedDifference(values, cached) };
    console.log(JSON.stringify(result));
    results.push(result);
  }
  await writeFile(
    output,
    `${JSON.stringify({ sampler: SAMPLER, reference: REFERENCE, images: IMAGES, results }, null, 2)}\n`,
  );
}
