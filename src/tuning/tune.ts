import { evenPlan } from "../deepcache/plans/spread.ts";
import { isSamplerName, type SamplerName } from "../diffusion/samplers.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import { psnr } from "../metrics/psnr.ts";
import { type Checked, isChecked, type TunedPoint } from "../systems/recommended/profile.ts";
import { bestCached, bestUncached } from "./search.ts";
import { mean, pairedDifference } from "./statistics.ts";
import { moveTimesteps } from "./timesteps.ts";
import { type Trial, type Trials, trialsOf } from "./trials.ts";
import type { OnTrial, TrialRun, TuningMemory, TuningOptions, TuningSubject } from "./tuning.ts";

/** Samplers of one evaluation a step that draw no noise on the way, and that are worth a trial. */
export const TUNED_SAMPLERS: readonly SamplerName[] = [
  "ddim-trailing",
  "dpmpp-2m-trailing",
  "dpmpp-2m-karras",
  "unipc-trailing",
];

/** Samplers that a cache has to beat. */
export const UNCACHED_SAMPLERS: readonly SamplerName[] = [
  ...TUNED_SAMPLERS,
  "ddim",
  "pndm",
  "euler",
  "dpmpp-2m",
  "dpmpp-3m-karras",
  "unipc",
  "unipc-karras",
  "deis",
  "lms-karras",
];

/** Finds for every budget the best setting on the calibration images, and checks it on the others. */
export async function tune(
  subject: TuningSubject,
  options: TuningOptions & { readonly uncached: readonly SamplerName[] },
  memory: TuningMemory,
  onTrial?: OnTrial,
): Promise<readonly TunedPoint[]> {
  let done = 0;
  const expected = expectedTrials(options);
  const tell = (what: string): void => onTrial?.(done++, expected, what);
  const trials = trialsOf(subject, options, memory, tell);
  const points: TunedPoint[] = [];
  let targets: Promise<readonly RgbImage[]> | undefined;
  const make: Make = async (run, what) => {
    tell(what);
    return (await subject.run("check", run, { images: true })).images;
  };
  const referenceImages = (): Promise<readonly RgbImage[]> => {
    targets ??= make({ ...options.reference, cache: { kind: "off" } }, "the reference for the check");
    return targets;
  };
  for (const budget of options.budgets) {
    const uncached = await bestUncached(budget, options.uncached, trials, RIVALS);
    const cached = await bestCached(budget, options, trials);
    const [plain] = uncached;
    if (plain === undefined) throw new RangeError("Cannot tune without a sampler");
    // What is moved for a cache is moved for what it has to beat.
    const rival = await moved(plain, options, trials);
    const rivals = rival === plain ? uncached : [rival, ...uncached];
    const best = cached !== undefined && cached.score > rival.score ? cached : rival;
    const checked = await memory.recall(`check ${budget} ${JSON.stringify(best.run)}`, isChecked, () =>
      check(best, rivals, make, referenceImages),
    );
    const { sampler, steps, timesteps, cache } = best.run;
    if (!isSamplerName(sampler)) throw new TypeError(`"${sampler}" is no sampler`);
    const listed = timesteps === undefined ? {} : { timesteps };
    points.push({ budget, fse: best.fse, sampler, steps, ...listed, cache, checked });
  }
  return points;
}

/** The run with its timesteps moved, where that was asked for and helps. */
const moved = async (plain: Trial, { timestepTrials: most }: TuningOptions, trials: Trials): Promise<Trial> =>
  (most === 0 ? undefined : await moveTimesteps(plain, most, trials)) ?? plain;

/** Runs without a cache that the winner is compared with; the better one on the check images counts. */
const RIVALS = 2;

type Make = (run: TrialRun, what: string) => Promise<readonly RgbImage[]>;

async function check(
  best: Trial,
  rivals: readonly Trial[],
  make: Make,
  reference: () => Promise<readonly RgbImage[]>,
): Promise<Checked> {
  const targets = await reference();
  const psnrs = async (run: TrialRun): Promise<number[]> =>
    (await make(run, `the check of ${run.steps} steps of ${run.sampler}`)).map((image, i) =>
      Math.min(psnr(image, targets[i]!), HIGHEST),
    );
  const own = await psnrs(best.run);
  const others: { readonly run: TrialRun; readonly values: number[] }[] = [];
  for (const { run } of rivals) others.push({ run, values: await psnrs(run) });
  others.sort((a, b) => mean(b.values) - mean(a.values));
  const [rival] = others;
  if (rival === undefined) throw new RangeError("Cannot check without a run to compare with");
  const { sampler, steps, timesteps } = rival.run;
  const listed = timesteps === undefined ? {} : { timesteps };
  const { cache } = best.run;
  const copied =
    cache.kind === "listed"
      ? await psnrs({
          ...best.run,
          cache: { kind: "listed", full: evenPlan(best.evaluations, cache.full.length), branch: cache.branch },
        })
      : undefined;
  return {
    images: own.length,
    psnr: mean(own),
    aboveUncached: { ...pairedDifference(own, rival.values), sampler, steps, ...listed, psnr: mean(rival.values) },
    ...(copied === undefined ? {} : { aboveCopied: { ...pairedDifference(own, copied), psnr: mean(copied) } }),
  };
}

/** Images that are equal have no ratio. */
const HIGHEST = 100;

/** Trials of a closer look. */
const CLOSER = 9;

/** About how many trials a search makes: some searches end early. */
function expectedTrials({
  budgets,
  samplers,
  uncached,
  steps,
  trials,
  timestepTrials,
}: TuningOptions & { readonly uncached: readonly SamplerName[] }): number {
  const forTimesteps = timestepTrials === 0 ? 0 : 2 * timestepTrials + trials + 7;
  const grids = samplers.length * (steps?.length ?? 3);
  return (
    1 + budgets.length * (uncached.length + RIVALS + 3 * grids + CLOSER + 1.25 * trials + forTimesteps + RIVALS + 3)
  );
}
