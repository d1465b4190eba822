import { DeepCacheError } from "../errors/deepcache-error.ts";

/** Files of a tokenizer that do not describe one. */
export class TokenizerError extends DeepCacheError {
  override readonly name = "TokenizerError";

  constructor(message: string, options?: ErrorOptions) {
    super("CHECKPOINT_BROKEN", message, options);
  }
}
