import { type Graph, graphBuilder, type Value } from "../onnx/graph.ts";
import { elementCount } from "../tensor/tensor.ts";
import type { Cut } from "./cut.ts";
import type { CachePolicy } from "./policies.ts";

/**
 * How far each evaluation of a run goes along the line through the trunk's last two results: on evaluation i, after full
 * ones at i₀ and then i₁, z₁ + factor · (z₁ − z₀) stands in for what the trunk would give. A damping d makes the factors
 * d · (i − i₁) / (i₁ − i₀). They are 0 on full evaluations and where there is one result only. Nothing where the policy copies.
 */
export function forecastFactors(
  policy: CachePolicy,
  full: readonly number[],
  evaluations: number,
): readonly number[] | undefined {
  const forecast = "forecast" in policy ? policy.forecast : undefined;
  if (forecast === undefined || full.length === evaluations) return undefined;
  const isFull = new Set(full);
  if ("factors" in forecast) {
    const { factors } = forecast;
    if (factors.length !== evaluations) {
      throw new RangeError(
        `Cannot forecast with ${factors.length} factors: this run has ${evaluations} evaluations, and each needs one`,
      );
    }
    const wrong = factors.findIndex((factor, evaluation) => factor !== 0 && isFull.has(evaluation));
    if (wrong === -1) return factors;
    throw new RangeError(
      `Cannot forecast by ${factors[wrong]} on evaluation ${wrong}: it is full, which requires the factor 0`,
    );
  }
  const { damping } = forecast;
  if (damping === 0) return undefined;
  let [before, last]: (number | undefined)[] = [];
  return Array.from({ length: evaluations }, (_, i) => {
    if (isFull.has(i)) {
      [before, last] = [last, i];
      return 0;
    }
    return before === undefined || last === undefined ? 0 : (damping * (i - last)) / (last - before);
  });
}

/** The input of a part that forecasts with the evaluation's factor, a float32 scalar. */
export const FACTOR = "forecast";

/** The input of a part that forecasts with the result `name` of the full evaluation before the last. */
export const formerOf = (name: string): string => `${name}.before`;

/**
 * The same cut with forecasts in its cached evaluations: `tail` and `cached` take, of everything that the trunk gives, its
 * last two results and a factor, and put z₁ + factor · (z₁ − z₀) in the place of z₁. With the factor 0 that is z₁.
 */
export function withForecast(parts: Cut): Cut {
  const kept = parts.trunk.outputs;
  return { ...parts, tail: forecasting(parts.tail, kept), cached: forecasting(parts.cached, kept) };
}

/** Numbers that one cached evaluation forecasts: a multiply-add each, which no count of MACs holds; 0 where it copies. */
export const forecastElements = ({ trunk, cached }: Pick<Cut, "trunk" | "cached">): number =>
  [...trunk.outputs].reduce(
    (sum, [name, value]) => sum + (cached.inputs.has(formerOf(name)) ? elementCount(value.shape) : 0),
    0,
  );

function forecasting(graph: Graph, kept: ReadonlyMap<string, Value>): Graph {
  const builder = graphBuilder(graph.name);
  const factor = builder.input(FACTOR, "F32", []);
  const inputs = new Map(graph.inputs);
  const sums = new Map<Value, Value>();
  for (const [name, last] of graph.inputs) {
    if (!kept.has(name)) continue;
    const before = builder.input(formerOf(name), last.dtype, last.shape);
    const line = builder.node("Sub", [last, before], last);
    const along = builder.node("Mul", [line, factor], last);
    sums.set(last, builder.node("Add", [last, along], last, { hint: "forecast" }));
    inputs.set(formerOf(name), before);
  }
  inputs.set(FACTOR, factor);
  const { nodes } = builder.finish({});
  const standIn = (input: Value | undefined): Value | undefined => (input && sums.get(input)) ?? input;
  return {
    ...graph,
    inputs,
    nodes: [...nodes, ...graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(standIn) }))],
  };
}
