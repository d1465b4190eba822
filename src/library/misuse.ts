import { DeepCacheError } from "../errors/deepcache-error.ts";

/** `error` with a code, where it is one of misuse: what was asked for cannot be. */
export const misuse = (error: unknown): unknown =>
  error instanceof RangeError || error instanceof TypeError
    ? new DeepCacheError("OPTION_INVALID", error.message, { cause: error })
    : error;

/** What `use` makes of options; what it throws of them has a code. */
export async function asOptions<T>(use: () => T | Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    throw misuse(error);
  }
}
