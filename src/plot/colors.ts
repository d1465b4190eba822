import type { CachePolicy } from "../deepcache/policies.ts";

/** How a policy is drawn, the same in every figure. */
export interface Style {
  readonly color: string;
  readonly shape: "circle" | "square" | "diamond" | "triangle";
}

/** Kinds of policies in the colours of Okabe and Ito, which colour-blind readers can tell apart. */
export const STYLES = {
  baseline: { color: "#222222", shape: "square", label: "baseline" },
  fewer: { color: "#d55e00", shape: "diamond", label: "no cache, fewer steps or another sampler" },
  uniform: { color: "#0072b2", shape: "circle", label: "uniform cache" },
  other: { color: "#009e73", shape: "triangle", label: "other caches" },
} as const satisfies Readonly<Record<string, Style & { readonly label: string }>>;

/** The kind that a policy other than the baseline is drawn as. */
export function kindOf({ kind }: CachePolicy): keyof typeof STYLES {
  if (kind === "off") return "fewer";
  return kind === "uniform" ? "uniform" : "other";
}
