import type { GeneratedImage } from "../../image/generated-image.ts";
import type { ImageEvent, ImageResult } from "../../library/results.ts";
import type { Models, ServedModel } from "../models/models.ts";
import type { JobEvent, JobPicture, JobResult } from "../queue/job.ts";
import type { Work } from "../queue/queue.ts";
import { secondStarts } from "./hires.ts";

type Options = Readonly<Record<string, unknown>>;

/** Does jobs with the models of a server. */
export const worker =
  (models: Models): Work =>
  async ({ model, options, preferences = {}, hires, variants }, { signal, tell }) => {
    const run = (asked: Options): Promise<ImageResult> =>
      models.use(model, asked, (opened) => {
        const { options: known } = opened.model;
        const preferred = Object.entries(preferences).filter(([name]) => known.includes(name));
        return runOnce(opened, { ...Object.fromEntries(preferred), ...asked, signal }, tell);
      });
    if (variants !== undefined) {
      const runs = await models.use(model, options, (opened) =>
        compare(opened, { ...options, signal }, variants, tell),
      );
      return comparedResult(model, runs);
    }
    const first = await run(options);
    if (hires === undefined) return resultOf(model, [first], [first]);
    const last: ImageResult[] = [];
    for (const start of secondStarts(first, hires)) {
      signal.throwIfAborted();
      last.push(await run({ ...options, ...hires.options, ...start }));
    }
    return resultOf(model, last, [first, ...last]);
  };

async function runOnce(opened: ServedModel, options: Options, tell: (event: JobEvent) => void): Promise<ImageResult> {
  const run = opened.generate(options as never);
  for await (const event of run) {
    const told = jobEvent(event);
    if (told !== undefined) tell(told);
  }
  return await run;
}

async function compare(
  opened: ServedModel,
  options: Options,
  variants: readonly Options[],
  tell: (event: JobEvent) => void,
): Promise<readonly ImageResult[]> {
  const run = opened.compare(options as never, variants);
  for await (const event of run) {
    const told = jobEvent(event);
    if (told !== undefined) tell({ ...told, lane: event.lane });
  }
  return await run;
}

function jobEvent(event: ImageEvent): JobEvent | undefined {
  switch (event.type) {
    case "evaluation": {
      const { type, evaluation, evaluations, full, seconds } = event;
      return { type, evaluation, evaluations, full, seconds };
    }
    case "preview": {
      const { type, evaluation, images } = event;
      return { type, evaluation, pictures: images.map((image) => image.png()) };
    }
    case "result":
      return undefined;
    default:
      return event;
  }
}

const PHASES = ["load", "encode", "denoise", "decode", "total"] as const;

/** What a client gets: the pictures of the last runs, and what all of them took. */
function resultOf(model: string, last: readonly ImageResult[], runs: readonly ImageResult[]): JobResult {
  const [shown] = last;
  if (shown === undefined) throw new Error("A job ended without a run");
  const { sampler, steps, guidanceScale, strength, policy } = shown;
  const sum = (value: (run: ImageResult) => number): number => runs.reduce((total, run) => total + value(run), 0);
  const seconds = PHASES.map((phase) => [phase, sum((run) => run.seconds[phase])] as const);
  return {
    ...{ model, sampler, steps, guidanceScale, strength, policy },
    pictures: last.flatMap(({ images }) => images.map(jobPicture)),
    evaluations: sum((run) => run.evaluations),
    fullEvaluations: sum((run) => run.full.length),
    speedup: sum((run) => run.evaluations) / sum((run) => run.fse),
    seconds: Object.fromEntries(seconds) as JobResult["seconds"],
    warnings: [...new Set(runs.flatMap((run) => run.warnings))],
  };
}

/** One job of several runs: their pictures in order, and what each took. */
function comparedResult(model: string, runs: readonly ImageResult[]): JobResult {
  const lanes = runs.map((run) => ({ ...resultOf(model, [run], [run]), full: run.full }));
  return { ...resultOf(model, runs, runs), lanes };
}

const jobPicture = (image: GeneratedImage): JobPicture => {
  const { width, height, seed, prompt, parameters } = image;
  return { width, height, seed, prompt, parameters, png: image.png() };
};
