import { forecastFactors } from "../deepcache/forecast.ts";
import type { Conditioning } from "../denoisers/evaluation.ts";
import { type ChosenSampler, chooseSampler, planRun } from "../pipelines/run/choose-sampler.ts";
import { denoise } from "../pipelines/run/denoise.ts";
import type { Scenario } from "../pipelines/run/scenario.ts";
import { linearCombination } from "../tensor/linear-combination.ts";
import { torchGenerator } from "../tensor/torch-generator.ts";
import type { OpenedNetwork, Probe } from "./measure-network.ts";
import { type Subject, sampleShape } from "./subject.ts";
import type { TimedRuntime } from "./timed-runtime.ts";

/** Takes one evaluation a step, so that a run has as many evaluations as steps. */
const DEFAULT_SAMPLER = "ddim";

/** How a scenario runs: its sampler, and the evaluations that are full. */
export interface ScenarioPlan {
  readonly scenario: Scenario;
  readonly chosen: ChosenSampler;
  readonly steps: number;
  readonly evaluations: number;
  readonly full: readonly number[];
  /** Where cached evaluations forecast: one for each evaluation. */
  readonly factors: readonly number[] | undefined;
}

/** Lays out a scenario; `steps` are those of scenarios that give none. */
export function planScenario(scenario: Scenario, subject: Subject, steps: number): ScenarioPlan {
  const own = scenario.steps ?? steps;
  const chosen = chooseSampler(subject.scheduler, { sampler: scenario.sampler ?? DEFAULT_SAMPLER, steps: own });
  const full = planRun(scenario.policy, chosen);
  const evaluations = chosen.sampler.timesteps.length;
  const factors = forecastFactors(scenario.policy, full, evaluations);
  return { scenario, chosen, steps: own, evaluations, full, factors };
}

/** What one whole run took. */
export interface RunTime {
  readonly seconds: number;
  /** Of `seconds`, those inside sessions. */
  readonly runtimeSeconds: number;
}

export interface ScenarioOptions {
  readonly conditioning: Conditioning;
  readonly probe: Probe;
  readonly onEvaluation?: ((done: number, of: number) => void) | undefined;
}

/** Runs a scenario once from noise to the final sample, as pipelines do it. */
export async function runScenario(
  runtime: TimedRuntime,
  subject: Subject,
  { loaded }: OpenedNetwork,
  { chosen, full, factors, evaluations }: ScenarioPlan,
  { conditioning, probe: { now, signal }, onEvaluation }: ScenarioOptions,
): Promise<RunTime> {
  const generator = torchGenerator(0);
  const { sampler } = chosen;
  const start = linearCombination([sampler.initialNoiseScale, generator.randn(sampleShape(subject))]);
  runtime.takeSeconds();
  const begin = now();
  const plan = { full: new Set(full), factors };
  const events = denoise({ sampler, network: loaded, plan, conditioning, start, noise: generator.randn, signal, now });
  for await (const event of events) {
    if (event.type === "evaluation") onEvaluation?.(event.evaluation + 1, evaluations);
  }
  return { seconds: (now() - begin) / 1000, runtimeSeconds: runtime.takeSeconds() };
}

/** Seconds per evaluation that the sampler itself takes, found by running it on a network that takes none. */
export async function schedulerSeconds({ chosen }: ScenarioPlan, subject: Subject, { now }: Probe): Promise<number> {
  const { sampler } = chosen;
  const noise = torchGenerator(0).randn;
  const sample = noise(sampleShape(subject));
  const walk = async (): Promise<number> => {
    const begin = now();
    for await (const _ of sampler.sample({ predict: async () => sample }, sample, noise)) {
      // The sampler does its work between one evaluation and the next.
    }
    return (now() - begin) / 1000 / sampler.timesteps.length;
  };
  await walk(); // warms up
  return walk();
}
