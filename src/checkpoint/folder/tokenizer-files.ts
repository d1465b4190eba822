import { join } from "node:path";
import { decodeUtf8, type JsonObject } from "../text/json.ts";
import { readJsonFile, readSmallFile } from "../text/json-file.ts";
import { listFolder } from "./folder.ts";

/** Contents of the files of a tokenizer; undefined where the folder goes without. */
export interface TokenizerFiles {
  readonly vocab: JsonObject | undefined;
  readonly merges: string | undefined;
  readonly tokenizerJson: JsonObject | undefined;
  readonly config: JsonObject | undefined;
  readonly specialTokens: JsonObject | undefined;
}

/** Gathers what `tokenizer/` needs from a folder of a model, for example `tokenizer_2/`. */
export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  const names = await listFolder(folder, "the tokenizer");
  const json = async (name: string): Promise<JsonObject | undefined> =>
    names.has(name) ? await readJsonFile(join(folder, name)) : undefined;
  return {
    vocab: await json("vocab.json"),
    merges: names.has("merges.txt") ? await readText(join(folder, "merges.txt")) : undefined,
    tokenizerJson: await json("tokenizer.json"),
    config: await json("tokenizer_config.json"),
    specialTokens: await json("special_tokens_map.json"),
  };
}

async function readText(path: string): Promise<string> {
  return decodeUtf8(await readSmallFile(path), `"${path}"`);
}
