import { CheckpointError } from "../../checkpoint/errors.ts";
import { WeightMismatchError } from "../../layers/scope.ts";

/**
 * Builds graphs without running them, so that weights that do not fit are refused when they are opened; messages call the
 * checkpoint `name`.
 */
export function checkFit(name: string, build: () => unknown): void {
  try {
    build();
  } catch (cause) {
    if (!(cause instanceof WeightMismatchError)) throw cause;
    throw new CheckpointError(`Cannot use ${name} ${cause.problem}`, { cause });
  }
}
