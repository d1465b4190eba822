import { joinPieces } from "../../src/checkpoint/bytes/join-pieces.ts";
import { memoryFiles } from "../../src/checkpoint/files/memory.ts";
import { readModelIndex } from "../../src/checkpoint/folder/model-index.ts";
import { readWeightFiles } from "../../src/checkpoint/folder/shards.ts";
import { openNpz } from "../../src/checkpoint/numpy/npz.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors/encode-safetensors.ts";
import { readSafetensors } from "../../src/checkpoint/safetensors/safetensors.ts";
import type { JsonObject } from "../../src/checkpoint/text/json.ts";
import { parseJson } from "../../src/checkpoint/text/json.ts";
import { readJsonFile } from "../../src/checkpoint/text/json-file.ts";
import { readYamlFile } from "../../src/checkpoint/text/yaml-file.ts";
import { convertTorchFile } from "../../src/checkpoint/torch/convert-torch-file.ts";
import { readTorchFile } from "../../src/checkpoint/torch/torch-file.ts";
import type { Weights } from "../../src/checkpoint/weights.ts";
import { describeUNet } from "../../src/deepcache/describe-unet.ts";
import { fullEvaluations, parsePolicy, parsePolicyText } from "../../src/deepcache/policies.ts";
import { samplerFromConfig } from "../../src/diffusion/samplers.ts";
import { parseSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import { parsePrompts } from "../../src/evaluation/workload/prompts.ts";
import { readParametersText } from "../../src/image/codecs/read-parameters.ts";
import { parseParameters } from "../../src/image/parameters.ts";
import { decodePng } from "../../src/image/png.ts";
import { transformersPreprocessing } from "../../src/metrics/clip/clip-preprocessing.ts";
import { autoencoderDecoder, autoencoderKlConfig } from "../../src/models/autoencoder/autoencoder-kl.ts";
import { tinyAutoencoderConfig, tinyDecoder } from "../../src/models/autoencoder/tiny-autoencoder.ts";
import { vqDecoder, vqModelConfig } from "../../src/models/autoencoder/vq-model.ts";
import { clipConfig, clipModel } from "../../src/models/clip/clip.ts";
import { clipTextConfig, clipTextModel } from "../../src/models/clip/clip-text.ts";
import { controlGraph } from "../../src/models/control/control-graph.ts";
import { controlNetConfig } from "../../src/models/control/controlnet-config.ts";
import { t2iAdapterConfig } from "../../src/models/control/t2i-adapter.ts";
import { sceneNetwork, sceneNetworkConfig } from "../../src/models/judges/scene-network.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { ddpmConfig } from "../../src/originals/ddpm/ddpm-config.ts";
import { ldmConfig } from "../../src/originals/latent-diffusion/ldm-config.ts";
import { openClipConfig } from "../../src/originals/open-clip/open-clip-config.ts";
import { autoencoderJson, unetJson } from "../../src/originals/stable-diffusion/config.ts";
import { originalConfig } from "../../src/originals/stable-diffusion/yaml.ts";
import { readProfile } from "../../src/systems/recommended/profile.ts";
import { recommendedSettings } from "../../src/systems/recommended/recommended.ts";
import { DTYPES } from "../../src/tensor/dtype.ts";
import { elementCount } from "../../src/tensor/tensor.ts";
import { loadClipTokenizer } from "../../src/tokenizer/clip-tokenizer.ts";
import type { ReaderName } from "./cases.ts";
import { takeUpEvaluation } from "./evaluation-reader.ts";
import { CASE, Lie, type Reader, sourceOf } from "./reader.ts";
import { NETWORK_READERS } from "./readers/networks.ts";
import { REQUEST_READERS } from "./readers/requests.ts";
import { STATE_READERS } from "./readers/states.ts";

const source = sourceOf;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const jsonReader =
  (read: (value: JsonObject) => unknown): Reader =>
  async (bytes) =>
    read(await readJsonFile(source(bytes)));
const yamlReader =
  (read: (value: JsonObject) => unknown): Reader =>
  async (bytes) =>
    read(await readYamlFile(source(bytes)));

/** Spans lie within the file and are as long as type and shape say. */
function checkSpans(weights: Weights, size: number): void {
  for (const { span, shape, dtype } of weights.values()) {
    const { offset, length } = span;
    if (!(offset >= 0 && length >= 0 && offset + length <= size))
      throw new Lie(`a tensor at ${offset} of ${length} bytes`);
    if (elementCount(shape) * DTYPES[dtype].bytes !== length) throw new Lie(`${dtype} [${shape}] of ${length} bytes`);
  }
}

function checkGraph({ nodes, inputs }: Graph): void {
  if (nodes.length === 0 || inputs.size === 0) throw new Lie("a graph of nothing");
}

const SMALL = { batch: 1, height: 8, width: 8 } as const;
const SHARD = joinPieces(encodeSafetensors({ a: { data: Float32Array.of(1), shape: [1] } }));

/** Everything that reads files. */
export const READERS: Readonly<Record<ReaderName, Reader>> = {
  async safetensors(bytes) {
    const { weights } = await readSafetensors(source(bytes));
    checkSpans(weights, bytes.length);
    const data = [...weights.values()].reduce((sum, { span }) => sum + span.length, 0);
    const header = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
    if (8 + Number(header) + data !== bytes.length) throw new Lie("tensors that do not cover the data");
  },
  async torch(bytes) {
    const { weights } = await readTorchFile(source(bytes));
    checkSpans(weights, bytes.length);
  },
  async convert(bytes) {
    const copy = await joinPieces(convertTorchFile(source(bytes), memoryFiles()));
    checkSpans((await readSafetensors(source(copy))).weights, copy.length);
  },
  async checkpoint(bytes) {
    checkSpans((await readCheckpoint(source(bytes))).weights, bytes.length);
  },
  async npz(bytes) {
    for (const array of (await openNpz(source(bytes))).values()) {
      const values = await array.values();
      if (values.length !== elementCount(array.shape)) throw new Lie(`[${array.shape}] of ${values.length} values`);
    }
  },
  async png(bytes) {
    const { image, text: entries } = decodePng(bytes, CASE);
    if (image.data.length !== image.width * image.height * 3) throw new Lie("other pixels than the size says");
    parseParameters(entries["parameters"] ?? "");
  },
  async exif(bytes) {
    parseParameters(readParametersText(bytes) ?? "");
  },
  async prompts(bytes) {
    const ending = ["tsv", "json", "txt"][bytes.length % 3];
    if (parsePrompts(bytes, `${CASE}.${ending}`).some((prompt) => prompt.text === "")) throw new Lie("an empty prompt");
  },
  async parameters(bytes) {
    parseParameters(text(bytes));
  },
  async "policy-text"(bytes) {
    checkPlan(fullEvaluations(parsePolicyText(text(bytes)), 50));
  },
  async policy(bytes) {
    checkPlan(fullEvaluations(parsePolicy(parseJson(bytes, CASE)), 50));
  },
  evaluation: takeUpEvaluation,
  async tokenizer(bytes) {
    const { merges, ...files } = parseJson(bytes, CASE) as JsonObject;
    const { maxLength, encode } = loadClipTokenizer({
      ...files,
      ...(typeof merges === "string" ? { merges } : {}),
    });
    const { ids } = encode("a fox on a teal background, é ﷽ \0 👩‍👩‍👧");
    if (ids.length !== maxLength || !ids.every(Number.isInteger)) throw new Lie(`${ids.length} ids`);
  },
  async index(bytes) {
    await readModelIndex(memoryFiles({ "model_index.json": bytes }, CASE));
  },
  async shards(bytes) {
    const files = { "x.index.json": bytes, "one.safetensors": await SHARD, "two.safetensors": await SHARD };
    await readWeightFiles(memoryFiles(files, CASE), { kind: "sharded", name: "x.index.json" });
  },
  unet: jsonReader((value) => {
    const { macs } = describeUNet(value, {}, CASE);
    if (!(macs.full >= 0)) throw new Lie(`${macs.full} operations`);
  }),
  vae: jsonReader((value) => checkGraph(autoencoderDecoder(autoencoderKlConfig(value, CASE), SMALL))),
  vq: jsonReader((value) => checkGraph(vqDecoder(vqModelConfig(value, CASE), SMALL))),
  taesd: jsonReader((value) => checkGraph(tinyDecoder(tinyAutoencoderConfig(value, CASE), SMALL))),
  controlnet: jsonReader((value) => {
    const config = controlNetConfig(value, CASE);
    checkGraph(controlGraph({ kind: "controlnet", config }, config.unet));
  }),
  "t2i-adapter": jsonReader((value) => {
    const config = t2iAdapterConfig(value, CASE);
    checkGraph(controlGraph({ kind: "t2i-adapter", config }, unetConfig({})));
  }),
  clip: jsonReader((value) => {
    const config = clipTextConfig(value, CASE);
    checkGraph(clipTextModel(config, { batch: 1, length: Math.min(24, config.positions) }));
  }),
  "clip-both": jsonReader((value) => checkClip(clipConfig(value, CASE))),
  "open-clip": jsonReader((value) => checkClip(openClipConfig(value, CASE))),
  "scene-network": jsonReader((value) => checkGraph(sceneNetwork(sceneNetworkConfig(value, CASE), { batch: 1 }))),
  preprocessor: jsonReader((value) => transformersPreprocessing(value, 16, CASE)),
  profile: jsonReader((value) => {
    for (const { cache, steps } of readProfile(value, CASE).points) if (steps < 1000) fullEvaluations(cache, steps);
  }),
  recommended: jsonReader((value) => recommendedSettings(value, CASE)),
  async scheduler(bytes) {
    const { timesteps } = samplerFromConfig(parseSchedulerConfig(text(bytes), CASE), { steps: 10 });
    if (timesteps.length === 0) throw new Lie("a schedule of no steps");
  },
  "yaml-ldm": yamlReader((value) => {
    const { unet: network, firstStage } = ldmConfig(value, CASE);
    checkGraph(unet(network, SMALL).graph);
    checkGraph(vqDecoder(firstStage, SMALL));
  }),
  "yaml-stable": yamlReader((value) => {
    const { unet: network, vae, scalingFactor } = originalConfig(value, CASE);
    describeUNet(unetJson(network, 8), {}, CASE);
    checkGraph(autoencoderDecoder(autoencoderKlConfig(autoencoderJson(vae, 64, scalingFactor), CASE), SMALL));
  }),
  "yaml-ddpm": yamlReader((value) => checkGraph(unet(ddpmConfig(value, CASE).unet, SMALL).graph)),
  ...NETWORK_READERS,
  ...STATE_READERS,
  ...REQUEST_READERS,
};

function checkClip(config: ReturnType<typeof clipConfig>): void {
  checkGraph(clipModel(config, { images: 1, texts: 1, length: Math.min(24, config.text.positions) }));
}

function checkPlan(full: readonly number[]): void {
  if (full[0] !== 0 || full.some((index) => !(index >= 0 && index < 50))) throw new Lie(`a plan of ${full}`);
}
