import { readCache } from "../deepcache/policies.ts";
import { DeepCacheError } from "../errors/deepcache-error.ts";
import { type GeneratedImage, generatedImage } from "../image/generated-image.ts";
import { type Fit, fitImage, fitMask, fittedSize } from "../image/geometry/fit.ts";
import { type ImageInput, readImageInput } from "../image/read-image.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import type { AnyPipeline } from "../pipelines/any-pipeline.ts";
import { branchCosts } from "../pipelines/branch-costs.ts";
import { withChoice } from "../pipelines/checked-runs.ts";
import type { GenerateRequest } from "../pipelines/generate-request.ts";
import type { LaneOptions } from "../pipelines/lanes.ts";
import { drawnSeed } from "../pipelines/run/effects.ts";
import type { GenerationResult, PipelineEvent } from "../pipelines/run/events.ts";
import type { LatentImage } from "../pipelines/text-to-image/image-source.ts";
import { type AdapterPlaces, embeddingPlaces, loraPlaces } from "../systems/from-hub/places.ts";
import type { EmbeddingChoices, LoraChoice } from "../systems/parts/adapters.ts";
import { parseLora } from "../systems/parts/lora-text.ts";
import { startRun } from "./image-run.ts";
import type { ComparisonRun, ImageRun, LoadedModels, Variant } from "./loaded-model.ts";
import { asOptions, misuse, outOfMemory } from "./misuse.ts";
import { namedOptions } from "./option-names.ts";
import { checkOptionTypes, RUN_TYPES } from "./option-types.ts";
import { type CommonOptions, LIBRARY_OPTIONS, type LoraOption, PICTURE_OPTIONS } from "./options.ts";
import type { ImageEvent, ImageResult } from "./results.ts";

/** Settings of a model as a whole that its runs start from. */
export interface LibrarySettings {
  /** Whether memory is spared: large pictures are then decoded in tiles unless a run says otherwise. */
  readonly lowMemory: boolean;
  /** Finds what names of adapters stand for. */
  readonly places: AdapterPlaces;
}

/** What a run is called with first, by task; nothing where the model is told nothing. */
const SUBJECTS = { prompt: "prompt", class: "classes", nothing: undefined } as const;

/** `inner` as users call it: a function of a prompt and of options that are checked by name. */
export function openPipeline(
  inner: AnyPipeline,
  { lowMemory, places }: LibrarySettings,
): LoadedModels[keyof LoadedModels] {
  const subject = SUBJECTS[inner.conditioned];
  const pictured = inner.accepts.has("image");
  const known = [...inner.accepts, ...LIBRARY_OPTIONS, ...(pictured ? PICTURE_OPTIONS : [])];

  const requestOf = async (given: object): Promise<GenerateRequest> => {
    const named = namedOptions(given, known, `"${inner.name}"`);
    checkOptionTypes(named, RUN_TYPES);
    const { onEvent, fit, image, mask, controlImage, loras, embeddings, cache, classes, ...rest } = named;
    const { signal } = rest as { readonly signal?: AbortSignal };
    if (fit !== undefined && image === undefined) throw new TypeError("Cannot use a fit but no image");
    const pictures = await readPictures({ image, mask, fit } as Pictures, rest, inner);
    return {
      ...rest,
      ...pictures,
      ...(loras === undefined
        ? {}
        : { loras: await loraPlaces(([loras].flat() as LoraOption[]).map(loraChoice), places, signal) }),
      ...(embeddings === undefined
        ? {}
        : { embeddings: await embeddingPlaces(embeddings as EmbeddingChoices, places, signal) }),
      ...(controlImage === undefined ? {} : { controlImage: await readControlImages(controlImage) }),
      ...(classes === undefined ? {} : { classes: classes === "all" ? classes : [classes].flat() }),
      ...(cache === undefined ? {} : { cache: readCache(cache as Parameters<typeof readCache>[0]) }),
      ...(pictured && lowMemory && rest["vaeTiling"] === undefined ? { vaeTiling: true } : {}),
    } as GenerateRequest;
  };

  const run = (given: object): ImageRun => {
    const { signal, onEvent } = given as Pick<CommonOptions, "signal" | "onEvent">;
    // What cannot be listened to is refused with the other options.
    const heard = signal instanceof AbortSignal ? signal : undefined;
    const requested = async (either: AbortSignal) => ({
      request: await requestOf(signal === heard ? { ...given, signal: either } : given),
    });
    return startRun<ImageResult, ImageEvent>({
      start: (either) => imageEvents(inner, () => requested(either)),
      resultOf: (event) => (event.type === "result" ? event.result : undefined),
      signal: heard,
      onEvent,
    });
  };

  const compare = (given: object, variants: unknown): ComparisonRun => {
    const { signal, onEvent } = given as Pick<CommonOptions, "signal" | "onEvent">;
    const heard = signal instanceof AbortSignal ? signal : undefined;
    const results: ImageResult[] = [];
    const requested = async (either: AbortSignal) => ({
      request: await requestOf(signal === heard ? { ...given, signal: either } : given),
      lanes: lanesOf(variants, inner.name),
    });
    return startRun<readonly ImageResult[], ImageEvent>({
      start: (either) => imageEvents(inner, () => requested(either)),
      resultOf(event) {
        if (event.type !== "result") return undefined;
        results[event.lane ?? 0] = event.result;
        return results;
      },
      signal: heard,
      onEvent,
    });
  };

  const call = (first: unknown, options: unknown): ImageRun => {
    if (subject === undefined) return run(optionsOf(first));
    const given = optionsOf(options);
    if (subject in given) {
      throw new DeepCacheError("OPTION_INVALID", `Cannot use the option "${subject}" beside the first argument`);
    }
    return run({ ...given, [subject]: first });
  };
  const { task, name, samplers, sizes, runsOn } = inner;
  return Object.assign(call, {
    model: { task, name, samplers, options: known, ...sizes, ...runsOn },
    generate: (request: unknown) => run(optionsOf(request)),
    compare: (request: unknown, variants: unknown) => compare(optionsOf(request), variants),
    branchCosts: () => branchCosts(inner.unet.config),
    estimateMemory: (request: unknown) => asOptions(async () => inner.memory(await requestOf(optionsOf(request)))),
    dispose: () => inner.dispose(),
    [Symbol.asyncDispose]: () => inner.dispose(),
  }) as LoadedModels[keyof LoadedModels];
}

function optionsOf(value: unknown): object {
  if (value === undefined) return {};
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new DeepCacheError("OPTION_INVALID", `Cannot use ${JSON.stringify(value)} as options: an object is required`);
}

interface Pictures {
  readonly image?: ImageInput | LatentImage | undefined;
  readonly mask?: ImageInput | undefined;
  readonly fit?: Fit | undefined;
}

const loraChoice = (option: LoraOption): LoraChoice => (typeof option === "string" ? parseLora(option) : option);

const readControlImages = (given: unknown): Promise<readonly RgbImage[]> =>
  Promise.all([given].flat().map((image) => readImageInput(image as ImageInput, { what: "the control image" })));

/** The pictures of a run, in the size of its images. */
async function readPictures(
  { image, mask, fit = "cover" }: Pictures,
  { width, height }: { readonly width?: number; readonly height?: number },
  { sizes: { multipleOf } }: AnyPipeline,
): Promise<{ readonly image?: RgbImage | LatentImage; readonly mask?: RgbImage }> {
  const shown = mask === undefined ? {} : { mask: await readImageInput(mask, { what: "the mask" }) };
  if (image === undefined) return shown;
  if (isLatents(image)) return { ...shown, image };
  const picture = await readImageInput(image, { what: "the image" });
  const size = fittedSize(picture, multipleOf, {
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
  });
  const fitted = { image: fitImage(picture, size, fit) };
  return shown.mask === undefined ? fitted : { ...fitted, mask: fitMask(shown.mask, picture, size, fit) };
}

const isLatents = (image: ImageInput | LatentImage): image is LatentImage =>
  typeof image === "object" && "latents" in image;

/** What a run is asked for; several runs, one for each lane. */
interface Asked {
  readonly request: GenerateRequest;
  readonly lanes?: readonly LaneOptions[];
}

const VARIANT_OPTIONS = [
  "cache",
  "speedup",
  "preset",
  "steps",
  "sampler",
] as const satisfies readonly (keyof Variant)[];

function lanesOf(variants: unknown, model: string): readonly LaneOptions[] {
  if (!Array.isArray(variants) || variants.length === 0) {
    throw new DeepCacheError(
      "OPTION_INVALID",
      `Cannot compare ${JSON.stringify(variants)?.slice(0, 100)}: a list of one or more variants such as { cache: 3 } is required`,
    );
  }
  return variants.map((variant: unknown) => {
    const { cache, ...others } = namedOptions(optionsOf(variant), VARIANT_OPTIONS, `a variant of "${model}"`);
    checkOptionTypes({ cache, ...others }, RUN_TYPES);
    return { ...others, cache: cache === undefined ? undefined : readCache(cache as Parameters<typeof readCache>[0]) };
  });
}

/** The events of a run with images as users get them; misuse is told by a code. */
async function* imageEvents(inner: AnyPipeline, request: () => Promise<Asked>): AsyncGenerator<ImageEvent> {
  const warnings: string[] = [];
  let begun = false;
  try {
    const { request: asked, lanes } = await request();
    const settled = { ...withChoice(asked, inner.choose(asked)), seed: asked.seed ?? drawnSeed() }; // known before the result says it
    for await (const event of inner.stream(settled, lanes && { lanes })) {
      begun = true;
      if (event.type === "warning") warnings.push(event.message);
      yield imageEvent(event, inner, settled, warnings);
    }
  } catch (error) {
    // Before anything runs, all that can be wrong is what was asked.
    throw begun ? outOfMemory(error) : misuse(error);
  }
}

function imageEvent(
  event: PipelineEvent,
  inner: AnyPipeline,
  request: GenerateRequest,
  warnings: readonly string[],
): ImageEvent {
  switch (event.type) {
    case "preview":
      return { ...event, images: event.images.map((image, i) => previewImage(image, i, inner, request)) };
    case "result":
      return { ...event, result: imageResult(event.result, inner, request, warnings) };
    default:
      return event;
  }
}

/** A picture on its way: it has no text of a run that is not done. */
function previewImage(image: RgbImage, i: number, inner: AnyPipeline, request: GenerateRequest): GeneratedImage {
  const { seed = 0, oneGenerator = false, count = 1 } = request;
  const own = typeof seed === "number" ? seed + (oneGenerator ? 0 : i) : (seed[i] ?? 0);
  return generatedImage({ image, seed: own, prompt: inner.rows(request)[Math.floor(i / count)] ?? "", text: {} });
}

function imageResult(
  result: GenerationResult,
  inner: AnyPipeline,
  request: GenerateRequest,
  warnings: readonly string[],
): ImageResult {
  const { count = 1 } = request;
  const rows = inner.rows(request);
  const seeds = result.seeds ?? result.images.map(() => result.seed);
  const images = result.images.map((image, i) =>
    generatedImage({
      image,
      seed: seeds[i] ?? result.seed,
      prompt: rows[Math.floor(i / count)] ?? "",
      text: inner.parameters(request, result, i),
    }),
  );
  const [image] = images;
  if (image === undefined) throw new Error("The run ended without an image");
  return { ...result, image, images, seeds, warnings };
}
