import type { Cut } from "../deepcache/cut.ts";
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

/** A denoiser that holds the trunk's last result; disposing frees it. */
export interface CachedDenoiser extends Denoiser, Disposable {}

type Outputs = Readonly<Record<string, DeviceTensor>>;

/**
 * DeepCache (Ma, Fang & Wang 2024, algorithm 1): what is above the cut runs on every evaluation, the trunk only where
 * `isFull` says so; in between, its last result is used. Evaluation 0 is always full, so that a denoiser never starts from
 * another run's cache.
 */
export function cachedDenoiser(
  sessions: CutSessions,
  isFull: (evaluation: number) => boolean,
  { conditioning, observe, signal, now }: RunContext,
): CachedDenoiser {
  let index = 0;
  let cache: Outputs | undefined;
  const release = (): void => {
    for (const tensor of Object.values(cache ?? {})) tensor[Symbol.dispose]();
    cache = undefined;
  };

  return {
    async predict(sample, timestep) {
      const seconds: Partial<Record<PartName, number>> = {};
      const held: DeviceTensor[] = [];
      const known: Record<string, Feed> = {
        ...conditioning,
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
        release();
        cache = fresh;
      };
      /** Runs the network in whichever pieces it is loaded; `held` gets what this evaluation alone needs. */
      const evaluate = async (full: boolean): Promise<Outputs> => {
        if (sessions.kind === "pair") {
          Object.assign(known, full ? {} : cache);
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
        Object.assign(known, cache);
        return await run(sessions.parts.tail, "tail");
      };

      try {
        const full = cache === undefined || isFull(index);
        const outputs = await evaluate(full);
        held.push(...Object.values(outputs));
        const result = await only(outputs).download();
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
