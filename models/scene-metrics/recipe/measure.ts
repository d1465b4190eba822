/**
 * Measures folders of pictures by the scene networks. The prompts are those of the PNG files, or of captions.json beside them.
 *
 *     node models/scene-metrics/recipe/measure.ts FOLDER...
 */
import { readdirSync, readFileSync } from "node:fs";
import { openComponent } from "../../../src/checkpoint/folder/component.ts";
import { readTokenizerFiles } from "../../../src/checkpoint/folder/tokenizer-files.ts";
import { sceneMetricsFolder } from "../../../src/systems/shipped.ts";
import { parseParameters, PARAMETERS_KEYWORD } from "../../../src/image/parameters.ts";
import { decodePng } from "../../../src/image/png.ts";
import type { RgbImage } from "../../../src/image/rgb-image.ts";
import { imagesToSamples } from "../../../src/image/samples.ts";
import { featureStatistics, frechetDistance } from "../../../src/metrics/frechet-distance.ts";
import { matrix } from "../../../src/metrics/linear-algebra/matrix.ts";
import { precisionAndRecall } from "../../../src/metrics/precision-recall.ts";
import { captionAccuracy } from "../../../src/metrics/scene/scene-caption.ts";
import { openSceneModel, readSceneReference, sceneFeatures } from "../../../src/metrics/scene/scene-features.ts";
import { clipConfig, clipImageModel, clipPromptModel, clipScores } from "../../../src/models/clip/clip.ts";
import { tokenInput } from "../../../src/models/clip/clip-text.ts";
import { nodeRuntime } from "../../../src/runtime/node/node.ts";
import { loadClipTokenizer } from "../../../src/tokenizer/clip-tokenizer.ts";

const home = sceneMetricsFolder();
const runtime = nodeRuntime();
const model = await openSceneModel(`${home}/network`);
const reference = await readSceneReference(`${home}/reference.safetensors`);
await using network = sceneFeatures(runtime, model, 40);

const component = await openComponent(`${home}/clip`);
const config = clipConfig(component.config, component.configPath);
const tokenizer = loadClipTokenizer(await readTokenizerFiles(`${home}/clip`));

async function score(images: readonly RgbImage[], prompts: readonly string[]): Promise<number[]> {
  const scores: number[] = [];
  for (let at = 0; at < images.length; at += 100) {
    const [part, texts] = [images.slice(at, at + 100), prompts.slice(at, at + 100)];
    const ids = tokenInput(texts.map((text) => tokenizer.encode(text).ids), config.text);
    const batch = part.length;
    await using image = await runtime.load(clipImageModel(config, { batch }, component.weights));
    await using text = await runtime.load(clipPromptModel(config, { batch, length: ids.shape[1] }, component.weights));
    const seen = await image.run({ pixel_values: imagesToSamples(part) });
    const read = await text.run({ input_ids: ids });
    scores.push(...clipScores(await seen["image_embeds"]!.download(), await read["text_embeds"]!.download()));
  }
  return scores;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

for (const folder of process.argv.slice(2)) {
  const files = readdirSync(folder);
  const names = files.filter((name) => name.endsWith(".png")).sort();
  const pictures = names.map((name) => decodePng(readFileSync(`${folder}/${name}`)));
  const captions: readonly string[] | undefined = files.includes("captions.json")
    ? JSON.parse(readFileSync(`${folder}/captions.json`, "utf8"))
    : undefined;
  const prompts = pictures.map(({ text }, i) => captions?.[i] ?? parseParameters(text[PARAMETERS_KEYWORD] ?? "").prompt);
  const images = pictures.map(({ image }) => image);
  const { features, readings } = await network.extract(images);
  const verdicts = readings.map((reading, i) => captionAccuracy(prompts[i]!, reading, model.config));
  const share = (part: "noun" | "colour" | "both"): number => mean(verdicts.flatMap((verdict) => verdict[part] ?? []));
  const vectors = matrix(images.length, network.width, Float64Array.from(features.data));
  const statistics = featureStatistics(vectors);
  const known = reference.statistics;
  const off = (a: Float64Array, b: Float64Array): number => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
  console.log(folder, {
    images: images.length,
    noun: share("noun"),
    colour: share("colour"),
    both: share("both"),
    clip: mean(await score(images, prompts)),
    clipOfNextCaption: mean(await score(images, prompts.map((_, i) => prompts[(i + 1) % prompts.length]!))),
    frechet: frechetDistance(known, statistics),
    ...precisionAndRecall(reference.features, vectors),
    meanOff: off(statistics.mean, known.mean),
    covarianceOff: off(statistics.covariance.data, known.covariance.data),
  });
  verdicts.forEach(({ both }, i) => {
    if (both === 0) console.log(`  ${names[i]}: ${prompts[i]}; read as ${readings[i]!.noun}, ${readings[i]!.colour}`);
  });
}
