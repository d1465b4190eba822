import { CheckpointError } from "../../errors.ts";

/** Refuses a range that a source of `size` bytes does not hold. */
export function checkRange(name: string, size: number, offset: number, length: number): void {
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (!whole || offset < 0 || length < 0 || offset + length > size) {
    throw new CheckpointError(`Cannot read ${length} bytes at ${offset} of "${name}": it has ${size} bytes`);
  }
}
