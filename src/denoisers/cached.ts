import type { Cut } from "../deepcache/cut.ts";
import { FACTOR, formerOf } from "../deepcache/forecast.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import type { DeviceTensor, Feed, Runtime } from "../runtime/runtime.ts";
import type { PartName, RunContext } from "./evaluation.ts";
import { type LoadedPart, loadParts } from "./loaded-part.ts";

/**
 * A cut network, loaded. As `parts`, each weight is there once. As a `pair`, what is above the cut is there twice, in the
 * graph of a full and in that of a cached evaluation, and no skip tensor crosses from session to session.
 */
export type CutSessions = AsyncDisposable &
  (
    | { readonly kind: "parts"; readonly parts: Readonly<Record<"head" | "trunk" | "tail", LoadedPart>> }
    | { readonly kind: "pair"; readonly parts: Readonly<Record<"full" | "cached", LoadedPart>> }
  );

/** Loads head, trunk and tail; what passes between them stays on the device. */
export async function loadCut(runtime: Runtime, { head, trunk, tail }: Cut): Promise<CutSessions> {
  const parts = await loadParts(runtime, { head, trunk, tail });
  return { kind: "parts", parts, [Symbol.asyncDispose]: () => parts[Symbol.asyncDispose]() };
}

/** Loads a full and a cached evaluation as one graph each. */
export async function loadPair(runtime: Runtime, { full, cached }: Cut): Promise<CutSessions> {
  const parts = await loadParts(runtime, { full, cached });
  return { kind: "pair", parts, [Symbol.asyncDispose]: () => parts[Symbol.asyncDispose]() };
}

/** When the trunk runs, and what stands in for it elsewhere. */
export interface CachePlan {
  isFull(evaluation: number): boolean;
  /** For sessions that forecast: how far evaluation i goes along the line through the trunk's last two results. */
  readonly factors?: readonly number[] | undefined;
}

/** A denoiser that holds the trunk's last result, or its last two where it forecasts; disposing frees them. */
export interface CachedDenoiser extends Denoiser, Disposable {}

type Outputs = Readonly<Record<string, DeviceTensor>>;

/**
 * DeepCache (Ma, Fang & Wang 2024, algorithm 1): what is above the cut runs on every evaluation, the trunk only where
 * `isFull` says so; in between, its last result is used, or forecast from its last two. Evaluation 0 is always full, so
 * that a denoiser never starts from another run's cache.
 */
export function cachedDenoiser(
  sessions: CutSessions,
  { isFull, factors }: CachePlan,
  { conditioning, varying, observe, observeTrunk, signal, now }: RunContext,
): CachedDenoiser {
  let index = 0;
  let cache: Outputs | undefined;
  /** What the trunk gave before, where that is of use. */
  let former: Outputs | undefined;
  const free = (outputs: Outputs | undefined): void => {
    for (const tensor of Object.values(outputs ?? {})) tensor[Symbol.dispose]();
  };
  const release = (): void => {
    free(former);
    free(cache);
    [former, cache] = [undefined, undefined];
  };

  return {
    async predict(sample, timestep) {
      const seconds: Partial<Record<PartName, number>> = {};
      const held: DeviceTensor[] = [];
      const known: Record<string, Feed> = {
        ...conditioning,
        ...varying?.(index),
        sample,
        timestep: { data: Float32Array.of(timestep), shape: [1] },
      };
      const run = async (part: LoadedPart, ...timed: readonly PartName[]): Promise<Outputs> => {
        signal?.throwIfAborted();
        const start = now();
        const outputs = await part.run(known, { signal });
        const took = (now() - start) / 1000;
        timed.forEach((name, i) => {
          seconds[name] = i === 0 ? took : 0;
        });
        return outputs;
      };
      const renew = (fresh: Outputs): void => {
        if (factors === undefined) {
          free(cache);
        } else {
          free(former);
          former = cache;
        }
        cache = fresh;
      };
      /** What stands in for the trunk: its last result, and what a forecast needs besides. */
      const standIn = (full: boolean): Readonly<Record<string, Feed>> => {
        if (factors === undefined || cache === undefined) return cache ?? {};
        // On a full evaluation, and where there is one result only, the line has no length.
        const before = full || former === undefined ? cache : former;
        const factor = before === cache ? 0 : (factors[index] ?? 0);
        return {
          ...cache,
          ...Object.fromEntries(Object.entries(before).map(([name, tensor]) => [formerOf(name), tensor])),
          [FACTOR]: { data: Float32Array.of(factor), shape: [] },
        };
      };
      /** Runs the network in whichever pieces it is loaded; `held` gets what this evaluation alone needs. */
      const evaluate = async (full: boolean): Promise<Outputs> => {
        if (sessions.kind === "pair") {
          Object.assign(known, full ? {} : standIn(full));
          if (!full) return await run(sessions.parts.cached, "tail", "head");
          const { prediction, ...fresh } = await run(sessions.parts.full, "trunk", "head", "tail");
          renew(fresh);
          return prediction === undefined ? {} : { prediction };
        }
        for (const [name, output] of Object.entries(await run(sessions.parts.head, "head"))) {
          held.push(output);
          known[name] = output;
        }
        if (full) renew(await run(sessions.parts.trunk, "trunk"));
        Object.assign(known, standIn(full));
        return await run(sessions.parts.tail, "tail");
      };

      try {
        const full = cache === undefined || isFull(index);
        const outputs = await evaluate(full);
        held.push(...Object.values(outputs));
        const result = await only(outputs).download();
        if (full && cache !== undefined) await observeTrunk?.(index, cache);
        observe?.({ index, timestep, full, seconds });
        index++;
        return result;
      } finally {
        for (const tensor of held) tensor[Symbol.dispose]();
      }
    },
    [Symbol.dispose]: release,
  };
}

function only(outputs: Outputs): DeviceTensor {
  const [output, ...others] = Object.values(outputs);
  if (output === undefined || others.length > 0) throw new TypeError("An evaluation must have one output");
  return output;
}
