/** Files of a tokenizer that do not describe one. */
export class TokenizerError extends Error {
  override readonly name = "TokenizerError";
}
