/** The files that a tokenizer's folder may have; which of them are there differs from model to model. */
export const TOKENIZER_FILES = [
  "vocab.json",
  "merges.txt",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
];
