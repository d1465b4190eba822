import { openEmbedding } from "../../adapters/embedding/open-embedding.ts";
import { type AppliedLora, changesIdentity, withChanges } from "../../adapters/lora/lora.ts";
import { openLora } from "../../adapters/lora/open-lora.ts";
import { quote } from "../../checkpoint/bytes/limits.ts";
import { CheckpointError } from "../../checkpoint/errors.ts";
import type { FileLike } from "../../checkpoint/files.ts";
import { concatenate } from "../../tensor/concatenate.ts";
import { type AddedWord, asRead, withWords } from "../../tokenizer/added-words.ts";
import { openedPlace } from "../places/model-place.ts";
import type { StableDiffusionModel } from "../stable-diffusion.ts";
import type { TextEncoder } from "../text-encoder.ts";
import type { AdaptedModel, AdapterChoices, EmbeddingChoices, LoraChoice } from "./adapters.ts";

/** Applies LoRAs and embeddings to a model: opens them, and describes what they change. */
export async function applyAdapters(
  model: StableDiffusionModel,
  { loras = [], embeddings = {} }: AdapterChoices,
): Promise<AdaptedModel> {
  const applied = await Promise.all(loras.map((choice) => applyLora(model, choice)));
  const changed = applied.length === 0 ? model : withLoras(model, applied);
  const identity = changesIdentity(applied, "unet");
  return {
    model: await withEmbeddings(changed, embeddings),
    unetIdentity: identity.length === 0 ? undefined : JSON.stringify(identity),
    warnings: applied.flatMap(({ lora }) => unmatchedWarning(lora) ?? []),
  };
}

async function applyLora(
  model: StableDiffusionModel,
  { path, strength = 1, unet = strength, text = strength }: LoraChoice,
): Promise<AppliedLora> {
  const lora = await openLora(await openedPlace(path), {
    name: model.folder,
    layers: model.unet.config.down.map(({ layers }) => layers),
    weights: {
      unet: model.unet.weights,
      text: model.textEncoder.weights,
      secondText: model.second?.textEncoder.weights,
    },
  });
  return { lora, strengths: { unet, text, secondText: text } };
}

function withLoras(model: StableDiffusionModel, loras: readonly AppliedLora[]): StableDiffusionModel {
  const { unet, textEncoder, second } = model;
  return {
    ...model,
    unet: { ...unet, weights: withChanges(unet.weights, loras, "unet") },
    textEncoder: { ...textEncoder, weights: withChanges(textEncoder.weights, loras, "text") },
    ...(second === undefined
      ? {}
      : {
          second: {
            ...second,
            textEncoder: {
              ...second.textEncoder,
              weights: withChanges(second.textEncoder.weights, loras, "secondText"),
            },
          },
        }),
  };
}

/** Names of modules that a warning repeats. */
const MOST_NAMED = 5;

function unmatchedWarning({ name, unmatched }: AppliedLora["lora"]): string | undefined {
  if (unmatched.length === 0) return undefined;
  const shown = unmatched.slice(0, MOST_NAMED).map(quote);
  const more = unmatched.length > shown.length ? ` and ${unmatched.length - shown.length} more` : "";
  return `Of the LoRA "${name}", nothing in the model answers to ${shown.join(", ")}${more}; it has no effect there`;
}

async function withEmbeddings(model: StableDiffusionModel, choices: EmbeddingChoices): Promise<StableDiffusionModel> {
  const named = Object.entries(choices);
  if (named.length === 0) return model;
  const { second, ...first } = model;
  const encoders: readonly TextEncoder[] = second === undefined ? [first] : [first, second];
  const target = { name: model.folder, widths: encoders.map(({ textEncoder }) => textEncoder.config.width) };
  checkNames(
    named.map(([name]) => name),
    model,
  );
  const opened = await Promise.all(
    named.map(async ([, path]) => openEmbedding((await openedPlace(path)) as FileLike, target)),
  );
  const extended = (encoder: TextEncoder, place: number) => {
    const vectors = opened.flatMap((tensors) => tensors[place] ?? []);
    let next = encoder.textEncoder.config.vocabularySize;
    const words = named.map(([text], i): AddedWord => {
      const count = vectors[i]?.shape[0] ?? 0;
      const tokens = Array.from({ length: count }, (_, j) => next + j);
      next += count;
      return { text, tokens };
    });
    const [only, ...others] = vectors;
    if (only === undefined) return {};
    return { tokenizer: withWords(encoder.tokenizer, words), added: concatenate([only, ...others], 0) };
  };
  if (second === undefined) return { ...model, ...extended(first, 0) };
  const { refiner } = model;
  const width = second.textEncoder.config.width;
  return {
    ...model,
    ...extended(first, 0),
    second: { ...second, ...extended(second, 1) },
    // A refiner reads prompts by the base's second encoder, or by one like it.
    ...(refiner?.text.textEncoder.config.width === width
      ? { refiner: { ...refiner, text: { ...refiner.text, ...extended(refiner.text, 1) } } }
      : {}),
  };
}

/** Refuses names that a prompt cannot have, that would be the same in one, or that mean something already. */
function checkNames(names: readonly string[], { folder, tokenizer }: StableDiffusionModel): void {
  const empty = names.find((name) => name.trim() === "");
  if (empty !== undefined)
    throw new CheckpointError("Cannot use an embedding without a name", { code: "OPTION_INVALID" });
  const read = names.map(asRead);
  const twice = names.find((name, i) => read.indexOf(asRead(name)) !== i);
  if (twice !== undefined) {
    throw new CheckpointError(
      `Cannot use two embeddings named "${twice}": upper and lower case are the same in prompts`,
      { code: "OPTION_INVALID" },
    );
  }
  const known = names.find((name) => tokenizer.tokens(name).length === 1);
  if (known === undefined) return;
  throw new CheckpointError(
    `Cannot name an embedding "${known}": the vocabulary of "${folder}" has that word, one that it lacks is required`,
    { code: "OPTION_INVALID" },
  );
}
