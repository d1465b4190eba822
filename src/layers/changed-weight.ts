import type { Factor, Weight, WeightChange } from "../checkpoint/weights.ts";
import type { Builder, Value } from "../onnx/graph.ts";
import {
  add,
  cast,
  concat,
  divide,
  gemm,
  matmul,
  multiply,
  reshape,
  scale,
  sizeOf,
  slice,
  subtract,
  transpose,
  vectorLength,
} from "../onnx/ops.ts";
import { DTYPES } from "../tensor/dtype.ts";
import { elementCount } from "../tensor/tensor.ts";

/** Rows of a weight, counted along its first axis. */
export interface Rows {
  readonly start: number;
  readonly count: number;
  readonly of: number;
}

/** Some rows of a weight as its file has them, widened to float32; `shape` is theirs. */
export function storedValue(
  builder: Builder,
  name: string,
  { dtype, span }: Weight,
  shape: readonly number[],
  { start }: Pick<Rows, "start"> = { start: 0 },
): Value {
  const bytesOf = (elements: number): number => elements * DTYPES[dtype].bytes;
  const offset = span.offset + start * bytesOf(elementCount(shape.slice(1)));
  const data = { source: span.source, offset, length: bytesOf(elementCount(shape)) };
  const stored = builder.weight(name, dtype, shape, data);
  return dtype === "F32" ? stored : cast(stored, "F32", DTYPES.F32.onnxType);
}

/**
 * Some rows of a weight with its changes. They stand in the graph as operations on weights alone, which a runtime computes
 * on loading: nothing is added up in JavaScript, and an evaluation is what it was.
 */
export function changedWeight(
  builder: Builder,
  name: string,
  weight: Weight,
  shape: readonly number[],
  rows: Rows,
): Value {
  const { changes = [] } = weight;
  if (rows.count < rows.of && !changes.every(isByRows)) {
    const all = { start: 0, count: rows.of, of: rows.of };
    return slice(
      changedWeight(builder, name, weight, [rows.of, ...shape.slice(1)], all),
      0,
      rows.start,
      rows.start + rows.count,
    );
  }
  const label = rows.count === rows.of ? name : `${name}.${rows.start}`;
  const matrix = [rows.count, elementCount(shape.slice(1))] as const;
  const base = flattened(storedValue(builder, label, weight, shape, rows), matrix);
  const place = (index: number): Place => ({ builder, name: `${label}.change_${index}`, matrix, rows });
  const thin = changes.flatMap((change, i) => (isThin(change) ? [thinFactors(change, place(i))] : []));
  const merged = addThin(base, thin);
  const sum = changes.reduce(
    (sum, change, i) => (isThin(change) ? sum : add(sum, added(change, base, place(i)))),
    merged,
  );
  return flattened(sum, shape);
}

/** Where a change is made: its names, and the rows and columns of the weight as a matrix. */
interface Place {
  readonly builder: Builder;
  readonly name: string;
  readonly matrix: readonly [number, number];
  readonly rows: Rows;
}

const flattened = (value: Value, shape: readonly number[]): Value =>
  value.shape.join() === shape.join() ? value : reshape(value, shape);

type ThinChange = WeightChange & {
  readonly of: { readonly kind: "plain"; readonly factor: Extract<Factor, { readonly kind: "product" }> };
};

/** LoRA itself: two thin matrices, which one operation multiplies and adds. */
const isThin = ({ of, magnitude }: WeightChange): boolean =>
  of.kind === "plain" && of.factor.kind === "product" && of.factor.core === undefined && magnitude === undefined;

/** Whether rows of the changed weight depend on the same rows of the change alone. */
const isByRows = ({ of, magnitude }: WeightChange): boolean =>
  of.kind !== "kronecker" && (magnitude === undefined || isByOutput(magnitude));

/** Lengths by output stand in a column, those by input in a row. */
const isByOutput = ({ shape }: Weight): boolean => elementCount(shape.slice(1)) === 1;

interface ThinFactors {
  readonly up: Value;
  readonly down: Value;
  readonly scale: number;
}

function thinFactors({ of, scale: factor, strength }: WeightChange, place: Place): ThinFactors {
  const { up, down } = (of as ThinChange["of"]).factor;
  return { ...productOf({ up, down }, place), scale: factor * strength };
}

/** `base` with products of thin matrices, all in one operation. */
function addThin(base: Value, thin: readonly ThinFactors[]): Value {
  const [first, ...others] = thin;
  if (first === undefined) return base;
  if (others.length === 0) return gemm(first.up, first.down, base, first.scale);
  const up = thin.map((factors) => scale(factors.up, factors.scale)) as [Value, ...Value[]];
  const down = thin.map((factors) => factors.down) as [Value, ...Value[]];
  return gemm(concat(up, 1), concat(down, 0), base, 1);
}

function productOf(
  { up, down }: Pick<ThinChange["of"]["factor"], "up" | "down">,
  { builder, name, rows }: Place,
): { readonly up: Value; readonly down: Value } {
  const [rank = 1] = down.shape;
  return {
    up: storedValue(builder, `${name}.up`, up, [rows.count, rank], rows),
    down: storedValue(builder, `${name}.down`, down, [rank, elementCount(down.shape) / rank]),
  };
}

/** What a change adds to `base`, both as matrices. */
function added(change: WeightChange, base: Value, place: Place): Value {
  const { of, scale: factor, strength, magnitude } = change;
  if (magnitude === undefined) return scale(differenceOf(of, place), factor * strength);
  const turned = add(base, scale(differenceOf(of, place), factor));
  const axis = isByOutput(magnitude) ? 1 : 0;
  const { builder, name, matrix, rows } = place;
  const shape = axis === 1 ? [matrix[0], 1] : [1, matrix[1]];
  const wanted = storedValue(builder, `${name}.magnitude`, magnitude, shape, axis === 1 ? rows : undefined);
  const whole = multiply(turned, divide(wanted, vectorLength(turned, axis)));
  return scale(subtract(whole, base), strength);
}

function differenceOf(of: WeightChange["of"], place: Place): Value {
  switch (of.kind) {
    case "plain":
      return matrixOf(of.factor, place);
    case "hadamard": {
      const [a, b] = of.factors;
      return multiply(matrixOf(a, named(place, "a")), matrixOf(b, named(place, "b")));
    }
    case "kronecker": {
      const { matrix } = place;
      const [a, b] = of.factors.map((factor, i) => {
        const sizes = sizesOf(factor);
        return matrixOf(factor, { ...named(place, "ab"[i] ?? ""), matrix: sizes, rows: allOf(sizes[0]) });
      }) as [Value, Value];
      const [m, n] = [sizeOf(a, 0), sizeOf(a, 1)];
      const [p, q] = [sizeOf(b, 0), sizeOf(b, 1)];
      return reshape(multiply(reshape(a, [m, 1, n, 1]), reshape(b, [1, p, 1, q])), matrix);
    }
  }
}

const named = (place: Place, part: string): Place => ({ ...place, name: `${place.name}.${part}` });

const allOf = (count: number): Rows => ({ start: 0, count, of: count });

/** Rows and columns of a factor. */
export function sizesOf(factor: Factor): readonly [number, number] {
  if (factor.kind === "whole") {
    const [rows = 1, ...columns] = factor.matrix.shape;
    return [rows, elementCount(columns)];
  }
  const { up, down, core, turned = false } = factor;
  const positions = elementCount(core?.shape.slice(2) ?? []);
  const outputs = turned ? elementCount(up.shape.slice(1)) : (up.shape[0] ?? 1);
  return [outputs, elementCount(down.shape.slice(1)) * positions];
}

function matrixOf(factor: Factor, place: Place): Value {
  const { builder, name, matrix, rows } = place;
  if (factor.kind === "whole") return storedValue(builder, name, factor.matrix, matrix, rows);
  const { up, down, core, turned = false } = factor;
  if (core === undefined) {
    const thin = productOf({ up, down }, place);
    return matmul(thin.up, thin.down);
  }
  const [outer = 1, inner = 1, ...kernel] = core.shape;
  const positions = elementCount(kernel);
  const inputs = elementCount(down.shape.slice(1));
  const upper = turned
    ? slice(
        transpose(storedValue(builder, `${name}.up`, up, [outer, rows.of]), [1, 0]),
        0,
        rows.start,
        rows.start + rows.count,
      )
    : storedValue(builder, `${name}.up`, up, [rows.count, outer], rows);
  const lower = storedValue(builder, `${name}.down`, down, [inner, inputs]);
  const middle = storedValue(builder, `${name}.core`, core, [outer, inner * positions]);
  const left = transpose(reshape(matmul(upper, middle), [rows.count, inner, positions]), [0, 2, 1]);
  const product = reshape(matmul(reshape(left, [rows.count * positions, inner]), lower), [
    rows.count,
    positions,
    inputs,
  ]);
  return reshape(transpose(product, [0, 2, 1]), matrix);
}
