import { samplerNameOf } from "../diffusion/samplers.ts";
import type { OpenedModel } from "../systems/open-model.ts";
import { type DescribedModel, describeModel } from "./describe-model.ts";
import { ACCEPTED, foreignOption, type GenerateRequest, type OptionName } from "./generate-request.ts";
import type { LaneOptions } from "./lanes.ts";
import { type Choice, chooseFor, type ModelChoices } from "./presets.ts";
import { drawnSeed, type PipelineEffects } from "./run/effects.ts";
import type { Pipeline } from "./run/pipeline.ts";

/** Runs of an opened model, whatever its kind, for requests that are checked first. */
export interface CheckedRuns {
  readonly described: DescribedModel;
  readonly accepts: ReadonlySet<OptionName>;
  /** What the request's preset or speed-up comes to; nothing where it has neither. */
  choose(request: GenerateRequest): Choice | undefined;
  readonly runs: Pipeline<GenerateRequest>;
}

/** The runs of an opened model: all that a thread needs that carries them out for another one. */
export function checkedRuns(opened: OpenedModel, name: string, effects: PipelineEffects): CheckedRuns {
  const described = describeModel(opened, effects);
  const { conditioned, pipeline, rows } = described;
  const accepts: ReadonlySet<OptionName> = new Set<OptionName>(ACCEPTED[opened.kind]);
  const { randomSeed = drawnSeed } = effects;
  const choose = (request: GenerateRequest): Choice | undefined => chooseFor(request, opened.kind, choicesOf(opened));
  const checked = (given: GenerateRequest): GenerateRequest => {
    const foreign = foreignOption(accepts, given);
    const request = given.preset === undefined ? given : withChoice(given, choose(given));
    if (foreign === undefined) return withSeeds(request, imagesOf(request), randomSeed);
    throw new TypeError(`Cannot use "${foreign}" with "${name}": it is a model for ${opened.kind}`);
  };
  const laneOf = (request: GenerateRequest, lane: LaneOptions): LaneOptions => {
    const { cache, speedup, steps, sampler } = checked(withLane(request, lane));
    return { cache, speedup, steps, sampler };
  };
  const imagesOf = (request: GenerateRequest): number =>
    (conditioned === "nothing" ? 1 : rows(request).length) * (request.count ?? 1);
  const runs: Pipeline<GenerateRequest> = {
    ...pipeline,
    async *stream(given, settings) {
      const { lanes } = settings ?? {};
      const request = checked(given);
      yield* pipeline.stream(
        request,
        lanes === undefined ? settings : { ...settings, lanes: lanes.map((lane) => laneOf(request, lane)) },
      );
    },
    generate: async (request, settings) => pipeline.generate(checked(request), settings),
    plan: async (request) => pipeline.plan(checked(request)),
  };
  return { described, accepts, choose, runs };
}

/** The request with what its preset or speed-up comes to, where that is known. */
export function withChoice(
  { preset: _, ...request }: GenerateRequest,
  { tuned: __, ...choice }: Choice = {},
): GenerateRequest {
  return { ...request, ...(choice.cache === undefined ? choice : { ...choice, speedup: undefined }) };
}

/** The request with what its lane says instead. */
function withLane(request: GenerateRequest, lane: LaneOptions): GenerateRequest {
  const { cache, speedup, preset } = lane;
  const said = Object.fromEntries(Object.entries(lane).filter(([, value]) => value !== undefined));
  const isCached = cache !== undefined || speedup !== undefined || preset !== undefined;
  const ofCache = isCached ? { cache: undefined, speedup: undefined } : {};
  const ofPreset = preset === undefined ? {} : { sampler: undefined, steps: undefined };
  return { ...request, ...ofCache, ...ofPreset, ...said };
}

/** Only pipelines from prompts have been tuned so far. */
function choicesOf(opened: OpenedModel): ModelChoices {
  if (opened.kind !== "text-to-image") return {};
  const { defaults, scheduler } = opened.model;
  const { sampler = samplerNameOf(scheduler.className), modes, profile } = defaults;
  return { sampler, steps: modes.text.steps, profile };
}

/** One seed as one for each image, counted up from it. */
function withSeeds(
  { oneGenerator = false, ...request }: GenerateRequest,
  images: number,
  randomSeed: () => number,
): GenerateRequest {
  const { seed = randomSeed() } = request;
  const isCounted = typeof seed === "number" && Number.isSafeInteger(seed) && images > 1 && !oneGenerator;
  return { ...request, seed: isCounted ? Array.from({ length: images }, (_, i) => seed + i) : seed };
}
