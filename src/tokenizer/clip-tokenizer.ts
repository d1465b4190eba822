import { Tokenizer } from "@huggingface/tokenizers";
import { LIMITS } from "../errors/limits.ts";
import { atOnce, inTurns, type Turns } from "../tensor/in-turns.ts";
import { type AddedToken, addedTokens } from "./added-tokens.ts";
import { TokenizerError } from "./errors.ts";
import { parseSpecialTokens, type SpecialTokens } from "./special-tokens.ts";
import { isObject, parseTokenizerJson, parseVocabulary, quote, type Vocabulary } from "./vocabulary.ts";

/** Parsed contents of a tokenizer's files: `vocab` with `merges`, or else `tokenizerJson`; the other two if there. */
export interface ClipTokenizerFiles {
  readonly vocab?: unknown;
  readonly merges?: string | undefined;
  readonly tokenizerJson?: unknown;
  /** tokenizer_config.json */
  readonly config?: unknown;
  /** special_tokens_map.json */
  readonly specialTokens?: unknown;
  /** added_tokens.json */
  readonly addedTokens?: unknown;
  /** What messages call the folder that they lie in. */
  readonly name?: string | undefined;
}

/** A prompt as the text encoder takes it. */
export interface Encoding {
  /** As many as the tokenizer's `maxLength`: bos, the text, eos, padding. */
  readonly ids: readonly number[];
  /** How many of them come before the padding. */
  readonly length: number;
  readonly truncated: boolean;
  /** The end of the text that did not fit, as near as its tokens spell it; empty unless truncated. */
  readonly dropped: string;
}

/** Turns prompts into what a CLIP text encoder was trained on. */
export interface ClipTokenizer {
  readonly maxLength: number;
  readonly bos: number;
  readonly eos: number;
  readonly pad: number;
  /** Ids of a text by itself, however many they are. */
  tokens(text: string): readonly number[];
  /** The same ids, those in one list that stand for one word and belong into one chunk. */
  units(text: string): readonly (readonly number[])[];
  /** What ids spell, as near as they do. */
  spell(ids: readonly number[]): string;
  encode(text: string): Encoding;
}

/** A tokenizer that frames, fills up and cuts off the ids that `units` gives. */
export function framingTokenizer(parts: Omit<ClipTokenizer, "encode" | "tokens">): ClipTokenizer {
  const { maxLength, bos, eos, pad } = parts;
  const tokens = (text: string): readonly number[] => parts.units(text).flat();
  return {
    ...parts,
    tokens,
    encode(text) {
      const all = tokens(text);
      const kept = all.slice(0, maxLength - 2);
      const dropped = all.slice(maxLength - 2);
      const ids = [bos, ...kept, eos];
      return {
        ids: [...ids, ...new Array<number>(maxLength - ids.length).fill(pad)],
        length: ids.length,
        truncated: dropped.length > 0,
        dropped: dropped.length > 0 ? parts.spell(dropped) : "",
      };
    },
  };
}

const { positions: POSITIONS } = LIMITS.tokenizer;
/** CLIP's context, for tokenizers that do not say. */
const DEFAULT_MAX_LENGTH = 77;
/** transformers writes 1e30 for "not set". */
const UNSET_MAX_LENGTH = 1_000_000;

/** Builds the tokenizer that `files` describe; it gives the ids that transformers' CLIPTokenizer gives. */
export const loadClipTokenizer = (files: ClipTokenizerFiles): ClipTokenizer => atOnce(loadingNamed(files));

/** The same with pauses: a vocabulary has some 50,000 pieces. */
export const openClipTokenizer = (files: ClipTokenizerFiles): Promise<ClipTokenizer> => inTurns(loadingNamed(files));

/** What is wrong with files is told with the folder that they lie in. */
function* loadingNamed(files: ClipTokenizerFiles): Turns<ClipTokenizer> {
  try {
    return yield* loading(files);
  } catch (cause) {
    if (files.name === undefined || !(cause instanceof TokenizerError)) throw cause;
    const problem = cause.message.replace(/^Cannot (?:load|read) the tokenizer: |^C/, (start) =>
      start === "C" ? "c" : "",
    );
    throw new TokenizerError(`Cannot use the tokenizer "${files.name}": ${problem}`, { cause });
  }
}

function* loading(files: ClipTokenizerFiles): Turns<ClipTokenizer> {
  const vocabulary = yield* selectVocabulary(files);
  yield;
  const special = parseSpecialTokens(files.config, files.specialTokens);
  refuseSides(files.config);
  const added = addedTokens(files, special, vocabulary);
  const [bos, eos, pad] = (["bos", "eos", "pad"] as const).map((role) => idOf(role, special, added, vocabulary)) as Ids;
  idOf("unk", special, added, vocabulary);
  const maxLength = parseMaxLength(files.config);
  const pieces = yield* tokenizerOf(vocabulary, special, added);
  return framingTokenizer({
    maxLength,
    bos,
    eos,
    pad,
    units: (text) => pieces.encode(lowerSigma(text), { add_special_tokens: false }).ids.map((id: number) => [id]),
    spell: (ids) => pieces.decode([...ids], { clean_up_tokenization_spaces: false }).trim(),
  });
}

/** Merges that are taken up in one turn. */
const PART = 4096;

/** The library's tokenizer, which gets its merges part by part: at once, they are half of the time that loading takes. */
function* tokenizerOf(vocabulary: Vocabulary, special: SpecialTokens, added: readonly AddedToken[]): Turns<Tokenizer> {
  const { ids, merges } = vocabulary;
  const json = tokenizerJson({ ids, merges: [] }, special, added);
  yield;
  const pieces = new Tokenizer(json, {});
  const ranks = pieces.model !== null && "bpe_ranks" in pieces.model ? pieces.model.bpe_ranks : undefined;
  if (!(ranks instanceof Map)) return new Tokenizer(tokenizerJson(vocabulary, special, added), {});
  for (const [i, merge] of merges.entries()) {
    if (i % PART === 0) yield;
    ranks.set(JSON.stringify(merge), i);
  }
  yield;
  return pieces;
}

type Ids = [bos: number, eos: number, pad: number];

function* selectVocabulary({ vocab, merges, tokenizerJson: json }: ClipTokenizerFiles): Turns<Vocabulary> {
  if (vocab !== undefined && merges !== undefined) return yield* parseVocabulary(vocab, merges);
  if (json !== undefined) return yield* parseTokenizerJson(json);
  throw new TokenizerError("Cannot load the tokenizer: it needs vocab.json and merges.txt, or tokenizer.json");
}

function idOf(
  role: keyof SpecialTokens,
  special: SpecialTokens,
  added: readonly AddedToken[],
  { ids }: Vocabulary,
): number {
  const id = added.find(({ content }) => content === special[role])?.id;
  if (id !== undefined) return id;
  throw new TokenizerError(
    `Cannot load the tokenizer: its ${role}_token ${quote(special[role])} is not in the vocabulary of ${ids.size} pieces`,
  );
}

/** Settings of transformers that would give other ids. */
const ONLY = { padding_side: "right", truncation_side: "right", split_special_tokens: false } as const;

function refuseSides(config: unknown): void {
  for (const [field, required] of Object.entries(ONLY)) {
    const found = isObject(config) ? (config[field] ?? required) : required;
    if (found === required) continue;
    throw new TokenizerError(
      `Cannot load the tokenizer: its ${field} is ${quote(found)}, ${quote(required)} is required`,
    );
  }
}

function parseMaxLength(config: unknown): number {
  const length = isObject(config) ? (config["model_max_length"] ?? config["max_len"]) : undefined;
  if (length === undefined || length === null || (typeof length === "number" && length > UNSET_MAX_LENGTH)) {
    return DEFAULT_MAX_LENGTH;
  }
  if (typeof length === "number" && Number.isInteger(length) && length >= 3 && length <= POSITIONS.most) return length;
  throw new TokenizerError(
    `Cannot load the tokenizer: its model_max_length is ${quote(length)}, a whole number from 3 to ${POSITIONS.most} is required`,
  );
}

/**
 * The Rust tokenizers lower letters one by one, so that a capital sigma becomes σ everywhere; JavaScript's toLowerCase,
 * which the library uses, writes ς at the end of a word.
 */
export const lowerSigma = (text: string): string => text.replaceAll("Σ", "σ");

/** What transformers puts into tokenizer.json around CLIP's vocabulary. */
function tokenizerJson({ ids, merges }: Vocabulary, special: SpecialTokens, added: readonly AddedToken[]): object {
  const text = [special.bos, special.eos].map(escapeRegex).join("|");
  return {
    added_tokens: added,
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFC" },
        { type: "Replace", pattern: { Regex: "\\s+" }, content: " " },
        { type: "Lowercase" },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        {
          type: "Split",
          pattern: { Regex: `${text}|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+` },
          behavior: "Removed",
          invert: true,
        },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: null, // bos and eos are added after truncation
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      unk_token: special.unk,
      continuing_subword_prefix: "",
      end_of_word_suffix: "</w>",
      fuse_unk: false,
      vocab: Object.fromEntries(ids),
      merges,
    },
  };
}

const escapeRegex = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
