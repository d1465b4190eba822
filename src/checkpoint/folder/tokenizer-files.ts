import type { ByteSource } from "../bytes/byte-source.ts";
import { filesOf } from "../files/place.ts";
import type { FolderLike } from "../files.ts";
import { decodeUtf8, type JsonObject } from "../text/json.ts";
import { readJsonFile, readSmallFile } from "../text/json-file.ts";

/** Contents of the files of a tokenizer; undefined where the folder goes without. */
export interface TokenizerFiles {
  readonly vocab: JsonObject | undefined;
  readonly merges: string | undefined;
  readonly tokenizerJson: JsonObject | undefined;
  readonly config: JsonObject | undefined;
  readonly specialTokens: JsonObject | undefined;
  readonly addedTokens: JsonObject | undefined;
  /** What messages call the folder. */
  readonly name: string;
}

/** Gathers what `tokenizer/` needs from a folder of a model, for example `tokenizer_2/`. */
export async function readTokenizerFiles(folder: FolderLike): Promise<TokenizerFiles> {
  const files = filesOf(folder);
  const names = await files.list("the tokenizer");
  const json = async (name: string): Promise<JsonObject | undefined> =>
    names.has(name) ? await readJsonFile(await files.open(name)) : undefined;
  return {
    name: files.name,
    vocab: await json("vocab.json"),
    merges: names.has("merges.txt") ? await readText(await files.open("merges.txt")) : undefined,
    tokenizerJson: await json("tokenizer.json"),
    config: await json("tokenizer_config.json"),
    specialTokens: await json("special_tokens_map.json"),
    addedTokens: await json("added_tokens.json"),
  };
}

/** Without the byte order mark that some editors put before a text. */
const readText = async (source: ByteSource): Promise<string> =>
  decodeUtf8(await readSmallFile(source), `"${source.name}"`).replace(/^\uFEFF/, "");
