import { DeepCacheError, type ErrorCode } from "../errors/deepcache-error.ts";

/** A checkpoint file or folder that cannot be used as it is: missing, broken, incomplete, hostile or of an unknown kind. */
export class CheckpointError extends DeepCacheError {
  override readonly name = "CheckpointError";

  constructor(
    message: string,
    { code = "CHECKPOINT_BROKEN", ...options }: ErrorOptions & { readonly code?: ErrorCode } = {},
  ) {
    super(code, message, options);
  }
}
