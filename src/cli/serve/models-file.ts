import { readFileSync } from "node:fs";
import { quote } from "../../checkpoint/bytes/limits.ts";
import { isJsonObject, parseJson } from "../../checkpoint/text/json.ts";
import { UsageError } from "../flags/usage.ts";

/** A model of a file of models: its path, and how it is opened where that differs from the flags. */
export type ListedModel = { readonly path: string } & { readonly [Name in (typeof TEXTS)[number]]?: string } & {
  readonly ema?: boolean;
  readonly controlnet?: string | readonly string[];
};

const TEXTS = ["vae", "tinyVae", "refiner", "config", "variant", "tokenizer"] as const;

/** The models of a JSON file by their names: `{"photo": {"path": "photo.safetensors", "vae": "vae"}, "art": "./art"}`. */
export const readModelsFile = (file: string): ReadonlyMap<string, ListedModel> => modelsIn(contentOf(file), file);

/** The models that a JSON file holds, which messages call `file`. */
export function modelsIn(content: Uint8Array, file: string): ReadonlyMap<string, ListedModel> {
  const models = parseJson(content, `"${file}"`);
  if (!isJsonObject(models)) throw new UsageError(`Cannot read models from "${file}": a JSON object is required`);
  if (Object.keys(models).length === 0) throw new UsageError(`Cannot read models from "${file}": it names none`);
  return new Map(Object.entries(models).map(([name, model]) => [name, listed(file, name, model)]));
}

function contentOf(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new UsageError(`Cannot read models from "${file}"`, { cause });
  }
}

function listed(file: string, name: string, model: unknown): ListedModel {
  const fail = (reason: string): never => {
    throw new UsageError(`Cannot read the model ${quote(name)} of "${file}": ${reason}`);
  };
  if (!/^[\w.-]+$/.test(name)) fail('letters, digits, "_", "." and "-" are required as its name');
  if (typeof model === "string") return { path: model };
  if (!isJsonObject(model)) return fail("a path or an object is required");
  const known = ["path", ...TEXTS, "ema", "controlnet"];
  for (const [key, value] of Object.entries(model)) {
    if (!known.includes(key)) fail(`${quote(key)} is none of ${known.join(", ")}`);
    if (key === "ema" ? typeof value !== "boolean" : !isText(value) && !(key === "controlnet" && isTexts(value))) {
      fail(`${quote(value)} cannot be its "${key}"`);
    }
  }
  if (model["path"] === undefined) fail('its "path" is missing');
  return model as unknown as ListedModel;
}

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every(isText);
