import { TokenizerError } from "./errors.ts";
import type { SpecialTokens } from "./special-tokens.ts";
import { isObject, quote, type Vocabulary } from "./vocabulary.ts";

/** A piece that is found in a text as it stands, before its words are divided. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Whether it is looked for after the text was lowered. */
  readonly normalized: boolean;
  readonly special: boolean;
  /** Whether it takes the blanks before and after it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

/** Where tokens are added to a vocabulary. */
export interface AddedTokenFiles {
  /** tokenizer_config.json */
  readonly config?: unknown;
  /** added_tokens.json, which older versions wrote */
  readonly addedTokens?: unknown;
  readonly tokenizerJson?: unknown;
}

type Unnumbered = Omit<AddedToken, "id">;

/**
 * The tokens that the files add to `vocabulary`, and those with a role. As in transformers, a token that the vocabulary
 * has keeps its id, others are counted on in the order of the ids that the files say; added_tokens_decoder makes
 * added_tokens.json of no account.
 */
export function addedTokens(files: AddedTokenFiles, special: SpecialTokens, { ids }: Vocabulary): AddedToken[] {
  const roles = new Set([special.bos, special.eos, special.unk, special.pad]);
  const settings = isObject(files.config) ? files.config : {};
  const decoder = settings["added_tokens_decoder"];
  const listed = [
    ...fromTokenizerJson(files.tokenizerJson),
    ...(isObject(decoder) ? fromDecoder(decoder) : fromEncoder(files.addedTokens, roles)),
  ].sort(([a], [b]) => a - b);
  const tokens = new Map<string, Unnumbered>();
  for (const content of roles) if (ids.has(content)) tokens.set(content, plain(content, true));
  for (const [, token] of listed)
    tokens.set(token.content, roles.has(token.content) ? { ...token, special: true } : token);
  for (const content of extraTokens(settings)) if (!tokens.has(content)) tokens.set(content, plain(content, false));
  let next = ids.size;
  return [...tokens.values()].map((token) => ({ ...token, id: ids.get(token.content) ?? next++ }));
}

/** What transformers takes for a token that is written as text alone. */
const plain = (content: string, normalized: boolean): Unnumbered => ({
  content,
  normalized,
  special: true,
  lstrip: false,
  rstrip: false,
});

type Listed = readonly [id: number, token: Unnumbered];

function fromTokenizerJson(json: unknown): readonly Listed[] {
  const tokens = isObject(json) ? (json["added_tokens"] ?? []) : [];
  if (!Array.isArray(tokens)) throw refusal("tokenizer.json", "its added_tokens", tokens);
  return tokens.map((token): Listed => {
    if (!isObject(token)) throw refusal("tokenizer.json", "an added token", token);
    return [idOf(token["id"], "tokenizer.json"), tokenOf(token, "tokenizer.json")];
  });
}

const fromDecoder = (decoder: Readonly<Record<string, unknown>>): readonly Listed[] =>
  Object.entries(decoder).map(([id, token]) => [
    idOf(Number(id), "tokenizer_config.json"),
    tokenOf(token, "tokenizer_config.json"),
  ]);

function fromEncoder(encoder: unknown, roles: ReadonlySet<string>): readonly Listed[] {
  if (encoder === undefined) return [];
  if (!isObject(encoder)) throw refusal("added_tokens.json", "what it holds", encoder);
  return Object.entries(encoder).map(([content, id]) => [
    idOf(id, "added_tokens.json"),
    { ...plain(content, !roles.has(content)), special: roles.has(content) },
  ]);
}

/** Special tokens without a role go by several names. */
function extraTokens(settings: Readonly<Record<string, unknown>>): string[] {
  return ["additional_special_tokens", "extra_special_tokens"].flatMap((field) => {
    const given = settings[field] ?? [];
    const tokens = Array.isArray(given) ? given : isObject(given) ? Object.values(given) : [given];
    return tokens.map((token) => (typeof token === "string" ? token : tokenOf(token, "tokenizer_config.json").content));
  });
}

function tokenOf(token: unknown, file: string): Unnumbered {
  const {
    content,
    normalized,
    special = false,
    lstrip = false,
    rstrip = false,
    single_word = false,
  } = isObject(token) ? token : { content: token };
  if (typeof content !== "string" || content === "") throw refusal(file, "an added token", token);
  if (single_word === true) throw refusal(file, "an added token of whole words alone (single_word)", content);
  return {
    content,
    special: special === true,
    normalized: typeof normalized === "boolean" ? normalized : special !== true,
    lstrip: lstrip === true,
    rstrip: rstrip === true,
  };
}

function idOf(id: unknown, file: string): number {
  if (typeof id === "number" && Number.isInteger(id) && id >= 0) return id;
  throw refusal(file, "the id of an added token", id);
}

const refusal = (file: string, what: string, value: unknown): TokenizerError =>
  new TokenizerError(`Cannot read ${file}: ${what} is ${quote(value)}, which is not supported`);
