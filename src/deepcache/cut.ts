import { type Graph, type GraphNode, producers, type Value } from "../onnx/graph.ts";
import { ancestors, boundaryNames, dependents, partition } from "../onnx/subgraph.ts";
import { entry } from "../tensor/tensor.ts";

/** A network that DeepCache can cut: its graph, its skip tensors, and the main-branch tensors that join them. */
export interface Cuttable {
  readonly graph: Graph;
  readonly skips: readonly Value[];
  readonly features: readonly Value[];
  /** Names of the graph's inputs that stay the same over a run. */
  readonly perRun: ReadonlySet<string>;
}

/**
 * A network cut at hs[branch]. Values keep their names over the parts: what one part needs of another is an output
 * there and an input here. What the trunk gives is kept until it runs again: the feature, or what is left of it where
 * the tail's first steps depend on the feature alone and moved to the trunk (hoisting).
 */
export interface Cut {
  readonly branch: number;
  /** Down to hs[branch]; runs on every evaluation. */
  readonly head: Graph;
  /** Everything deeper; runs on full evaluations. */
  readonly trunk: Graph;
  /** From the feature to the prediction; runs on every evaluation. */
  readonly tail: Graph;
  readonly feature: Value;
  /** Head, trunk and tail in one, which also gives what the trunk gives: a full evaluation without borders inside. */
  readonly full: Graph;
  /** Head and tail in one: a cached evaluation without a border inside. It has the weights of both once more. */
  readonly cached: Graph;
}

/** Refuses a branch that a network with `skips` skip connections does not have. */
export function checkBranch(branch: number, skips: number): void {
  if (!Number.isInteger(branch) || branch < 0 || branch >= skips) {
    throw new RangeError(`Cannot cut at branch ${branch}: this network has branches 0 to ${skips - 1}`);
  }
}

/** What the nodes of a network do at a cut. */
interface Dependence {
  readonly feature: Value;
  /** Needed where the feature is given. */
  readonly everyEvaluation: ReadonlySet<GraphNode>;
  /** Needed for the feature. */
  readonly beforeFeature: ReadonlySet<GraphNode>;
  /** After the feature, and dependent on nothing else. */
  readonly hoisted: ReadonlySet<GraphNode>;
}

function dependenceAt({ graph, skips, features }: Cuttable, branch: number): Dependence {
  checkBranch(branch, skips.length);
  const feature = entry(features, branch);
  const producer = producers(graph);
  const everyEvaluation = ancestors([...graph.outputs.values()], producer, feature);
  const beforeFeature = ancestors([feature], producer);
  const hoisted = dependents(graph, [feature], (node) => everyEvaluation.has(node) && !beforeFeature.has(node));
  return { feature, everyEvaluation, beforeFeature, hoisted };
}

/** The nodes of a cached evaluation, to be counted: those of head and tail. */
export function cachedNodes(network: Cuttable, branch: number): readonly GraphNode[] {
  const { everyEvaluation, hoisted } = dependenceAt(network, branch);
  return network.graph.nodes.filter((node) => everyEvaluation.has(node) && !hoisted.has(node));
}

/**
 * Cuts `network` at `branch` by dependence alone: the tail and head are what the prediction needs when the feature is
 * given, the head is the part of it that the trunk needs too (DeepCache, algorithm 1).
 */
export function cut(network: Cuttable, branch: number): Cut {
  const { graph, skips } = network;
  const { feature, everyEvaluation, beforeFeature, hoisted } = dependenceAt(network, branch);
  const named = new Map([...graph.inputs, ...graph.outputs].map(([name, value]) => [value, name] as const));
  skips.forEach((value, i) => {
    named.set(value, `skip_${i}`);
  });
  const part = partition(graph, boundaryNames(named.set(feature, "feature"), "shared"));
  const trunk = part("trunk", (node) => (!everyEvaluation.has(node) && beforeFeature.has(node)) || hoisted.has(node));
  const cached = part("cached", (node) => everyEvaluation.has(node) && !hoisted.has(node));
  return {
    branch,
    head: part("head", (node) => everyEvaluation.has(node) && beforeFeature.has(node)),
    trunk,
    tail: part("tail", (node) => everyEvaluation.has(node) && !beforeFeature.has(node) && !hoisted.has(node)),
    feature,
    full: { ...graph, name: `${graph.name}.full`, outputs: new Map([...graph.outputs, ...trunk.outputs]) },
    cached: { ...cached, outputs: graph.outputs },
  };
}
