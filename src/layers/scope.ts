import { quote } from "../checkpoint/bytes/limits.ts";
import { placeOf, type Weight, type Weights } from "../checkpoint/weights.ts";
import { DeepCacheError } from "../errors/deepcache-error.ts";
import type { Builder, Value } from "../onnx/graph.ts";
import { elementCount, type Tensor } from "../tensor/tensor.ts";
import { changedWeight, storedValue } from "./changed-weight.ts";

/** A place in a checkpoint's key hierarchy, from which layers take their weights by name. */
export interface Scope {
  readonly builder: Builder;
  /** Key prefix without the last dot; "" at the root. */
  readonly path: string;
  at(name: string): Scope;
  /** Whether the checkpoint has `name` here; without a checkpoint, no. */
  has(name: string): boolean;
  /** The named weight as a float32 value of `shape`; trailing sizes of 1 may be missing in the file or in `shape`. */
  weight(name: string, shape: readonly number[]): Value;
  /** Rows `start` to `start + shape[0]` of a weight that has `total` rows; every row must be asked for once. */
  rows(name: string, shape: readonly number[], start: number, total: number): Value;
}

/** The root scope over a checkpoint, and the check that all of it was used. */
export interface CheckpointScope {
  readonly root: Scope;
  /** Throws one sentence that names every weight that was missing, of another shape, or left over. */
  check(model: string, ignored?: readonly RegExp[]): void;
}

/**
 * Without `weights`, every weight exists as float32 and has no data: enough to count and to print. Those of `weights` that
 * are among `held` too go into the graph itself, so that they need not lie in the same folder as the others.
 */
export function checkpointScope(
  builder: Builder,
  weights?: Weights,
  held: ReadonlyMap<string, Tensor> = new Map(),
): CheckpointScope {
  const uses = new Map<string, Use>();
  const problems: string[] = [];

  function find(key: string, shape: readonly number[]): Weight | undefined {
    const weight = weights?.get(key);
    if (weights === undefined) return undefined;
    if (weight === undefined) {
      problems.push(`${quote(key)} [${shape}] is missing`);
    } else if (!sameButTrailingOnes(weight.shape, shape)) {
      problems.push(`${quote(key)} has shape [${weight.shape}] where [${shape}] is required`);
      return undefined;
    } else if (!(weight.dtype in FLOATS)) {
      problems.push(`${quote(key)} holds ${weight.dtype} where one of ${Object.keys(FLOATS).join(", ")} is required`);
      return undefined;
    }
    return weight;
  }

  function take(key: string, shape: readonly number[], start: number, total: number): Value {
    const count = shape[0] ?? 1;
    if (start < 0 || start + count > total) {
      throw new RangeError(`Cannot take rows ${start} to ${start + count - 1} of "${key}", which has ${total}`);
    }
    const weight = find(key, shape.length === 0 ? [] : [total, ...shape.slice(1)]);
    const { rows: taken } = uses.get(key) ?? { rows: [] };
    if (taken.some((row) => start < row.end && row.start < start + count)) problems.push(`${quote(key)} is used twice`);
    uses.set(key, { total, rows: [...taken, { start, end: start + count }] });
    const inMemory = weight && held.get(key)?.data;
    if (inMemory !== undefined) {
      const rowLength = elementCount(shape.slice(1));
      return builder.constant(inMemory.subarray(start * rowLength, start * rowLength + elementCount(shape)), shape);
    }
    const rows = { start, count, of: total };
    const name = count === total ? key : `${key}.${start}`;
    if (weight === undefined) return builder.weight(name, "F32", shape, undefined);
    return weight.changes === undefined
      ? storedValue(builder, name, weight, shape, rows)
      : changedWeight(builder, key, weight, shape, rows);
  }

  const scopeAt = (path: string): Scope => {
    const key = (name: string): string => (path === "" ? name : `${path}.${name}`);
    return {
      builder,
      path,
      at: (name) => scopeAt(key(name)),
      has: (name) => weights?.has(key(name)) ?? false,
      weight: (name, shape) => take(key(name), shape, 0, shape[0] ?? 1),
      rows: (name, shape, start, total) => take(key(name), shape, start, total),
    };
  };

  return {
    root: scopeAt(""),
    check(model, ignored = []) {
      const leftover = [...(weights?.keys() ?? [])].filter(
        (key) => !uses.has(key) && !ignored.some((pattern) => pattern.test(key)),
      );
      const all = [
        ...new Set(problems),
        ...[...uses].flatMap(([key, use]) =>
          unusedRows(use).map((rows) => `rows ${rows} of ${quote(key)} are left over`),
        ),
        ...leftover.map((key) => `${quote(key)} is left over`),
      ];
      if (all.length === 0) return;
      const shown = all.slice(0, 12).join("; ");
      const more = all.length > 12 ? `; and ${all.length - 12} more` : "";
      throw new WeightMismatchError(placeOf(weights ?? new Map()), `as ${model}: ${shown}${more}`);
    },
  };
}

/** The checkpoint's tensors are not the ones that its config calls for. */
export class WeightMismatchError extends DeepCacheError {
  override readonly name = "WeightMismatchError";
  /** What is wrong with `what`, as its message says it. */
  readonly problem: string;

  constructor(what: string, problem: string) {
    super("CHECKPOINT_BROKEN", `Cannot use ${what} ${problem}`);
    this.problem = problem;
  }
}

/** The rows of a weight that were asked for. */
interface Use {
  readonly total: number;
  readonly rows: readonly { readonly start: number; readonly end: number }[];
}

/** What of a weight nobody asked for, as "first to last". */
function unusedRows({ total, rows }: Use): readonly string[] {
  const gaps: string[] = [];
  let covered = 0;
  for (const { start, end } of [...rows, { start: total, end: total }].sort((a, b) => a.start - b.start)) {
    if (start > covered) gaps.push(`${covered} to ${start - 1}`);
    covered = Math.max(covered, end);
  }
  return gaps;
}

const FLOATS = { F32: true, F16: true, BF16: true, F64: true, F8_E4M3: true, F8_E5M2: true } as const;

function sameButTrailingOnes(a: readonly number[], b: readonly number[]): boolean {
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, i) => (a[i] ?? 1) === (b[i] ?? 1)).every(Boolean);
}
