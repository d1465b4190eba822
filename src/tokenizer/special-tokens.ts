import { TokenizerError } from "./errors.ts";
import { isObject, quote } from "./vocabulary.ts";

/** Pieces that are no text: they frame a prompt and fill it up. */
export interface SpecialTokens {
  readonly bos: string;
  readonly eos: string;
  readonly pad: string;
  /** Stands for what the vocabulary cannot spell. */
  readonly unk: string;
}

/** What transformers' CLIPTokenizer assumes where neither file says anything. */
const DEFAULTS: SpecialTokens = {
  bos: "<|startoftext|>",
  eos: "<|endoftext|>",
  pad: "<|endoftext|>",
  unk: "<|endoftext|>",
};

/**
 * The special tokens that tokenizer_config.json and special_tokens_map.json name. As in transformers, the map wins unless
 * the config is of the later form that lists its added tokens; Stable Diffusion 2 pads with "!" in the map alone.
 */
export function parseSpecialTokens(config: unknown, map: unknown): SpecialTokens {
  const settings = objectOrNothing(config, "tokenizer_config.json");
  const tokens = objectOrNothing(map, "special_tokens_map.json");
  const files = "added_tokens_decoder" in settings ? [settings, tokens] : [tokens, settings];
  const read = (role: keyof SpecialTokens): string => {
    const named = files.map((file) => file[`${role}_token`]).find((token) => token !== undefined && token !== null);
    const content = isObject(named) ? named["content"] : (named ?? DEFAULTS[role]);
    if (typeof content === "string" && content !== "") return content;
    throw new TokenizerError(`Cannot read the tokenizer: its ${role}_token is ${quote(named)}, not a token`);
  };
  return { bos: read("bos"), eos: read("eos"), pad: read("pad"), unk: read("unk") };
}

function objectOrNothing(value: unknown, file: string): Readonly<Record<string, unknown>> {
  if (value === undefined) return {};
  if (!isObject(value)) throw new TokenizerError(`Cannot read ${file}: it is not a JSON object`);
  return value;
}
