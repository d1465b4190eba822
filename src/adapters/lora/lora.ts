import type { Weights } from "../../checkpoint/weights.ts";
import type { ModuleChange } from "./module-change.ts";
import type { LoraPart } from "./module-names.ts";

/** What a LoRA changes of a model, described but not computed. */
export interface Lora {
  /** For people. */
  readonly name: string;
  /** Tells it from other files and from other versions of itself. */
  readonly identity: string;
  readonly changes: Readonly<Record<LoraPart, ReadonlyMap<string, ModuleChange>>>;
  /** Modules, as the file calls them, to which nothing in the model answers. */
  readonly unmatched: readonly string[];
}

/** A LoRA with how strongly it is applied. */
export interface AppliedLora {
  readonly lora: Lora;
  readonly strengths: Readonly<Record<LoraPart, number>>;
}

/** Weights of `part` with what `loras` change; the same object where they change nothing. */
export function withChanges(weights: Weights, loras: readonly AppliedLora[], part: LoraPart): Weights {
  const active = loras.filter(({ lora, strengths }) => strengths[part] !== 0 && lora.changes[part].size > 0);
  if (active.length === 0) return weights;
  const changed = new Map(weights);
  for (const { lora, strengths } of active) {
    for (const [key, change] of lora.changes[part]) {
      const weight = changed.get(key);
      if (weight === undefined) continue;
      changed.set(key, { ...weight, changes: [...(weight.changes ?? []), { ...change, strength: strengths[part] }] });
    }
  }
  return changed;
}

/** Tells what `loras` make of `part` from what others make of it. */
export const changesIdentity = (loras: readonly AppliedLora[], part: LoraPart): readonly unknown[] =>
  loras
    .filter(({ lora, strengths }) => strengths[part] !== 0 && lora.changes[part].size > 0)
    .map(({ lora, strengths }) => [lora.identity, strengths[part]]);
