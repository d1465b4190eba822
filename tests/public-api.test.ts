import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as api from "../src/index.ts";

const source = (path: string): string => readFileSync(new URL(`../src/${path}`, import.meta.url), "utf8");

interface Exported {
  readonly name: string;
  readonly isType: boolean;
  readonly file: string;
}

/** The names that a file of src hands on, with the files that declare them. */
const handedOn = (entry: string): Exported[] =>
  [...source(entry).matchAll(/^export (type )?\{([^}]*)\} from "\.\/([^"]+)";/gm)].flatMap(
    ([, type, names = "", file = ""]) =>
      names
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "")
        .map((name) => ({
          name: name.replace(/^type /, ""),
          isType: type !== undefined || name.startsWith("type "),
          file,
        })),
  );

const SUBPATHS = [
  "browser",
  "pipelines",
  "image",
  "plan",
  "graph",
  "samplers",
  "metrics",
  "metrics-browser",
  "checkpoint",
  "checkpoint-browser",
  "server",
  "ai-sdk",
];
const exported = handedOn("index.ts");

const namesWhere = (isType: boolean): string =>
  exported
    .filter((entry) => entry.isType === isType)
    .map(({ name }) => name)
    .sort()
    .join(" ");

test("the package exports these values", () => {
  expect(Object.keys(api).sort().join(" ")).toBe(namesWhere(false));
  expect(namesWhere(false).split(" ")).toMatchInlineSnapshot(`
    [
      "DeepCacheError",
      "SAMPLER_NAMES",
      "VERSION",
      "defaultModelFolder",
      "pipeline",
    ]
  `);
});

test("the package exports these types", () => {
  expect(namesWhere(true).split(" ")).toMatchInlineSnapshot(`
    [
      "Busy",
      "CacheOption",
      "CachePolicy",
      "ClassToImage",
      "ClassToImageOptions",
      "Classes",
      "CommonOptions",
      "DownloadProgress",
      "ErrorCode",
      "Fit",
      "GeneratedImage",
      "HubSource",
      "ImageEvent",
      "ImageInput",
      "ImageResult",
      "ImageRun",
      "LatentImage",
      "LoadedModels",
      "MemoryEstimate",
      "ModelInfo",
      "ModelPlace",
      "NodeDevice",
      "Phase",
      "PhaseSeconds",
      "PipelineOptions",
      "ProgressInfo",
      "RgbImage",
      "SamplerName",
      "ScheduleName",
      "ScheduleOptions",
      "TaskName",
      "TextToImage",
      "TextToImageOptions",
      "UnconditionalImage",
      "UnconditionalImageOptions",
    ]
  `);
});

test("subpaths hand on these values", async () => {
  const names = await Promise.all(SUBPATHS.map(async (path) => Object.keys(await import(`../src/${path}.ts`)).sort()));
  expect(Object.fromEntries(SUBPATHS.map((path, i) => [path, names[i]?.join(" ")]))).toMatchInlineSnapshot(`
    {
      "ai-sdk": "deepcache deepcacheV3",
      "browser": "blobFiles browserSupport handleFiles keepServedModel removeStoredModel servedFiles storedModels",
      "checkpoint": "CheckpointError TokenizerError blobFiles fileSource memoryFiles memorySource nodeFiles openComponent readCheckpoint readTensor writeSafetensors",
      "checkpoint-browser": "CheckpointError TokenizerError blobFiles memoryFiles memorySource readCheckpoint readTensor",
      "graph": "ARCHITECTURES ConfigError WeightMismatchError architecture cachedDenoiser countMacs cut directDenoiser guidedDenoiser loadCut printGraph unet unetConfig",
      "image": "FITS ImageError PARAMETERS_KEYWORD PngError decodePng drawGrid encodeImage encodePng fitImage fitMask fittedSize formatParameters generatedImage imageTypeOf parseParameters readImageInput readPngText resizeImage writeImage",
      "metrics": "INCEPTION_WIDTHS captionAccuracy featureStatistics frechetDistance inceptionFeatures inceptionScore kernelDistance lpips matrix openInception openLpips openReferenceStatistics openSceneModel parseCaption precisionAndRecall psnr readSceneReference sceneFeatures ssim writeReferenceStatistics",
      "metrics-browser": "INCEPTION_WIDTHS captionAccuracy featureStatistics frechetDistance inceptionScore kernelDistance matrix parseCaption precisionAndRecall psnr ssim",
      "pipelines": "DeviceError NODE_DEVICES anyPipeline classConditional defaultModelFolder defaultTokenizerFolder imageParameters nodeRuntime openLatentDiffusion openModel openOriginalDdpm openScheduler openStableDiffusion openUnconditional sceneMetricsFolder textToImage unconditional",
      "plan": "ARCHITECTURES ConfigError architecture describeUNet drawPlan estimateMemory formatPolicy fullEvaluations parsePolicy parsePolicyText readCache unetConfig",
      "samplers": "SAMPLER_NAMES SchedulerConfigError parseSchedulerConfig readSchedulerConfig samplerFromConfig samplerNamed torchGenerator",
      "server": "handler openObjects",
    }
  `);
});

test("a build takes its version from package.json", () => {
  expect(api.VERSION).toBe(JSON.parse(source("../package.json")).version);
});

test("everything exported is documented where it is declared", () => {
  const everything = ["index", ...SUBPATHS].flatMap((path) => handedOn(`${path}.ts`));
  const undocumented = everything.filter(({ name, file }) => {
    const kinds = "(?:async )?(?:function\\*?|const|class|interface|type)";
    return !new RegExp(`\\*/\\nexport ${kinds} ${name}\\b`).test(source(file));
  });
  expect(undocumented.map(({ name, file }) => `${file}: ${name}`)).toEqual([]);
});
