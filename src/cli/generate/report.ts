import type { GenerationResult } from "../../pipelines/run/events.ts";
import { giga, secondsText } from "../terminal/units.ts";
import type { NamedImage } from "./picture-names.ts";

/** A picture that was made, and where it is. */
export interface MadePicture extends NamedImage {
  readonly path: string | undefined;
  readonly width: number;
  readonly height: number;
}

/** What batches have in common, with their costs and times added up. */
export type RunTotals = Omit<GenerationResult, "images" | "latents" | "seed" | "seeds">;

/** `total` with the costs and times of one more batch. */
export function addRun(total: RunTotals | undefined, result: GenerationResult): RunTotals {
  if (total === undefined) return result;
  const { macs, seconds, parts } = total;
  const part = (name: keyof RunTotals["parts"]): RunTotals["parts"]["head"] => ({
    ...parts[name],
    runs: parts[name].runs + result.parts[name].runs,
    seconds: parts[name].seconds + result.parts[name].seconds,
  });
  return {
    ...total,
    macs: added(macs, result.macs),
    seconds: added(seconds, result.seconds),
    parts: { prelude: part("prelude"), head: part("head"), trunk: part("trunk"), tail: part("tail") },
  };
}

const added = <T extends object>(a: T, b: T): T =>
  Object.fromEntries(Object.entries(a).map(([name, value]) => [name, value + (b[name as keyof T] as number)])) as T;

/** What a program is told. */
export function report(pictures: readonly MadePicture[], totals: RunTotals, model: string): object {
  const { sampler, steps, evaluations, full, policy, macs, fse, seconds, parts } = totals;
  return {
    images: pictures.map(({ path, seed, prompt, width, height }) => ({ path, seed, prompt, width, height })),
    model,
    sampler,
    steps,
    evaluations,
    full,
    policy,
    macs,
    fse,
    seconds,
    parts,
  };
}

/** What people are told beside the paths. */
export function summary(pictures: readonly MadePicture[], totals: RunTotals): string {
  const { full, evaluations, macs, seconds, policy } = totals;
  const saved = policy.kind === "off" ? "" : `, ${giga(macs.total)} of ${giga(macs.uncached)} MACs`;
  return [
    `${seedText(pictures.map(({ seed }) => seed))}; ${full.length} of ${evaluations} evaluations full${saved}`,
    `${secondsText(seconds.total)}: loading ${secondsText(seconds.load)}, prompt ${secondsText(seconds.encode)}, ` +
      `denoising ${secondsText(seconds.denoise)}, decoding ${secondsText(seconds.decode)}`,
  ].join("\n");
}

/** "seed 7", "seeds 7 to 10" or "seeds 1, 5, 9". */
function seedText(seeds: readonly number[]): string {
  const [first = 0, ...others] = [...new Set(seeds)];
  if (others.length === 0) return `seed ${first}`;
  const last = others.at(-1) ?? first;
  const areCounted = others.every((seed, i) => seed === first + i + 1);
  return areCounted ? `seeds ${first} to ${last}` : `seeds ${[first, ...others].join(", ")}`;
}
