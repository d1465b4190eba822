import type { Command } from "commander";
import type { GenerateRequest } from "../../pipelines/generate-request.ts";
import { embeddingPlaces, loraPlaces, type Places } from "../../systems/from-hub/places.ts";
import { LORA_SYNTAX, parseLora } from "../../systems/parts/lora-text.ts";
import { UsageError } from "./usage.ts";

/** What small files change of a model, and how prompts are read. */
export interface AdapterFlags {
  readonly lora?: readonly string[];
  readonly embedding?: readonly string[];
  readonly promptWeights?: boolean;
}

const texts = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Adds the flags of adapters. */
export function addAdapterFlags(command: Command): Command {
  return command
    .optionsGroup("Adapters:")
    .option(
      `--lora <${LORA_SYNTAX}>`,
      "change the model by this LoRA, as strongly as it was trained or by a number of your own, also below 0; may be repeated",
      texts,
    )
    .option(
      "--embedding <NAME=FILE>",
      "let NAME in prompts stand for the vectors of this file (textual inversion); may be repeated",
      texts,
    )
    .option(
      "--prompt-weights",
      "read (a:1.3), ((a)), [a] and BREAK in prompts as AUTOMATIC1111 does, and prompts of any length",
    );
}

/** What the flags ask of a run; what they name elsewhere is downloaded once all of them can be read. */
export async function adaptersAsked(
  { lora, embedding, promptWeights }: AdapterFlags,
  places: Places,
): Promise<Pick<GenerateRequest, "loras" | "embeddings" | "promptWeights">> {
  const [loras, embeddings] = [lora?.map(readLora), embedding && readEmbeddings(embedding)];
  return {
    ...(loras === undefined ? {} : { loras: await loraPlaces(loras, places) }),
    ...(embeddings === undefined ? {} : { embeddings: await embeddingPlaces(embeddings, places) }),
    ...(promptWeights === undefined ? {} : { promptWeights }),
  };
}

function readLora(text: string): ReturnType<typeof parseLora> {
  if (text.trim() === "") throw new UsageError(`Cannot use --lora "": ${LORA_SYNTAX} is required`);
  try {
    return parseLora(text);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

function readEmbeddings(list: readonly string[]): Readonly<Record<string, string>> {
  const named = list.map((text) => {
    const [, name = "", file = ""] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (name === "") throw new UsageError(`Cannot use --embedding ${text}: NAME=FILE is required`);
    return [name, file] as const;
  });
  const twice = named.find(([name], i) => named.findIndex(([other]) => other === name) !== i);
  if (twice !== undefined) throw new UsageError(`Cannot use two times --embedding ${twice[0]}=…: a name has one file`);
  return Object.fromEntries(named);
}
