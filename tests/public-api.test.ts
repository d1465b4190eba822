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

const SUBPATHS = ["plan", "graph", "samplers", "metrics", "metrics-browser", "checkpoint"];
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
      "ARCHITECTURES",
      "CheckpointError",
      "ConfigError",
      "DeviceError",
      "INCEPTION_WIDTHS",
      "NODE_DEVICES",
      "PARAMETERS_KEYWORD",
      "PngError",
      "SAMPLER_NAMES",
      "SchedulerConfigError",
      "TokenizerError",
      "VERSION",
      "WeightMismatchError",
      "architecture",
      "blobFiles",
      "cachedDenoiser",
      "captionAccuracy",
      "countMacs",
      "cut",
      "decodePng",
      "defaultModelFolder",
      "describeUNet",
      "directDenoiser",
      "drawGrid",
      "drawPlan",
      "encodePng",
      "estimateMemory",
      "featureStatistics",
      "fileSource",
      "formatParameters",
      "formatPolicy",
      "frechetDistance",
      "fullEvaluations",
      "guidedDenoiser",
      "imageParameters",
      "inceptionFeatures",
      "inceptionScore",
      "kernelDistance",
      "loadCut",
      "lpips",
      "matrix",
      "memoryFiles",
      "memorySource",
      "nodeFiles",
      "nodeRuntime",
      "openComponent",
      "openInception",
      "openLpips",
      "openOriginalDdpm",
      "openReferenceStatistics",
      "openSceneModel",
      "openScheduler",
      "openStableDiffusion",
      "openUnconditional",
      "parseCaption",
      "parseParameters",
      "parsePolicy",
      "parsePolicyText",
      "parseSchedulerConfig",
      "precisionAndRecall",
      "printGraph",
      "psnr",
      "readCache",
      "readCheckpoint",
      "readPngText",
      "readSceneReference",
      "readSchedulerConfig",
      "readTensor",
      "resizeImage",
      "samplerFromConfig",
      "samplerNamed",
      "sceneFeatures",
      "sceneMetricsFolder",
      "ssim",
      "textToImage",
      "torchGenerator",
      "unconditional",
      "unet",
      "unetConfig",
      "writeImage",
      "writeReferenceStatistics",
      "writeSafetensors",
    ]
  `);
});

test("the package exports these types", () => {
  expect(namesWhere(true).split(" ")).toMatchInlineSnapshot(`
    [
      "Architecture",
      "ArchitectureName",
      "BranchDescription",
      "ByteSource",
      "CacheOption",
      "CachePolicy",
      "CachePolicyInput",
      "CachedDenoiser",
      "CaptionVerdict",
      "CheckpointFile",
      "Component",
      "ComponentOptions",
      "Conditioning",
      "Cut",
      "CutSessions",
      "Cuttable",
      "Denoiser",
      "DeviceTensor",
      "Evaluation",
      "FeatureStatistics",
      "Feed",
      "FileLike",
      "Files",
      "FolderLike",
      "GenerationParameters",
      "GenerationResult",
      "Graph",
      "GraphNode",
      "GridOptions",
      "GridRow",
      "GuidanceOptions",
      "ImageOptions",
      "InceptionFeatures",
      "InceptionInput",
      "InceptionOptions",
      "InceptionOutput",
      "Initializer",
      "IntegerTensor",
      "LoadOptions",
      "Lpips",
      "LpipsModel",
      "Macs",
      "Matrix",
      "MemoryComponent",
      "MemoryEstimate",
      "MemoryModel",
      "MemoryOptions",
      "NodeDevice",
      "NodeRuntimeOptions",
      "NoiseSource",
      "OpenOptions",
      "OriginalDdpm",
      "PartName",
      "PartSummary",
      "Phase",
      "PhaseSeconds",
      "PictureSizes",
      "Pipeline",
      "PipelineEffects",
      "PipelineEvent",
      "PixelSize",
      "PngText",
      "Reference",
      "ReferenceImages",
      "ResizeFilter",
      "RgbImage",
      "RunContext",
      "RunMacs",
      "RunSummary",
      "Runtime",
      "Sampler",
      "SamplerName",
      "SamplerOptions",
      "SamplerRun",
      "SamplerStep",
      "Samples",
      "SceneCaption",
      "SceneFeatures",
      "SceneLabels",
      "SceneModel",
      "SceneObservation",
      "SceneReading",
      "SceneReference",
      "SchedulerClass",
      "SchedulerConfig",
      "Session",
      "SsimOptions",
      "StableDiffusionModel",
      "Tensor",
      "TextToImageOptions",
      "TextToImagePipeline",
      "TimestepSelection",
      "TorchGenerator",
      "UNet",
      "UNetConfig",
      "UNetDescription",
      "UNetShape",
      "UnconditionalModel",
      "UnconditionalOptions",
      "UnconditionalPipeline",
      "Value",
      "Verdict",
      "Weight",
      "Weights",
      "WritableFiles",
    ]
  `);
});

test("subpaths hand on these values", async () => {
  const names = await Promise.all(SUBPATHS.map(async (path) => Object.keys(await import(`../src/${path}.ts`)).sort()));
  expect(Object.fromEntries(SUBPATHS.map((path, i) => [path, names[i]?.join(" ")]))).toMatchInlineSnapshot(`
    {
      "checkpoint": "CheckpointError fileSource memorySource openComponent readCheckpoint readTensor writeSafetensors",
      "graph": "ARCHITECTURES ConfigError WeightMismatchError architecture cachedDenoiser countMacs cut directDenoiser guidedDenoiser loadCut printGraph unet unetConfig",
      "metrics": "INCEPTION_WIDTHS captionAccuracy featureStatistics frechetDistance inceptionFeatures inceptionScore kernelDistance lpips matrix openInception openLpips openReferenceStatistics openSceneModel parseCaption precisionAndRecall psnr readSceneReference sceneFeatures ssim writeReferenceStatistics",
      "metrics-browser": "INCEPTION_WIDTHS captionAccuracy featureStatistics frechetDistance inceptionScore kernelDistance matrix parseCaption precisionAndRecall psnr ssim",
      "plan": "ARCHITECTURES ConfigError architecture describeUNet drawPlan estimateMemory formatPolicy fullEvaluations parsePolicy parsePolicyText readCache unetConfig",
      "samplers": "SAMPLER_NAMES SchedulerConfigError parseSchedulerConfig readSchedulerConfig samplerFromConfig samplerNamed torchGenerator",
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
