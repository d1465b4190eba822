import { DeepCacheError } from "../errors/deepcache-error.ts";

/** `error` with a code, where it is one of misuse: what was asked for cannot be. */
export const misuse = (error: unknown): unknown =>
  error instanceof RangeError || error instanceof TypeError
    ? new DeepCacheError("OPTION_INVALID", error.message, { cause: error })
    : error;

/** What ONNX Runtime, its threads and JavaScript say where memory cannot be had. */
const NO_MEMORY = /bad[ _]alloc|failed to allocate|(?:array )?buffer allocation failed|out of memory/i;

/** `error` with a code, where a run found no memory. */
export const outOfMemory = (error: unknown): unknown =>
  error instanceof Error && NO_MEMORY.test(error.message)
    ? new DeepCacheError("OUT_OF_MEMORY", `Cannot run: memory ran out (${error.message})`, { cause: error })
    : error;

/** What `use` makes of options; what it throws of them has a code. */
export async function asOptions<T>(use: () => T | Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    throw misuse(error);
  }
}
