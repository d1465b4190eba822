import type { Cut } from "../deepcache/cut.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import type { DeviceTensor, Feed, LoadOptions, Runtime, Session } from "../runtime/runtime.ts";
import type { PartName, RunContext } from "./evaluation.ts";

/** The three parts of a cut network, loaded. */
export interface CutSessions extends AsyncDisposable {
  readonly parts: Readonly<Record<PartName, LoadedPart>>;
}

interface LoadedPart {
  readonly session: Session;
  readonly inputs: readonly string[];
}

/** Loads head, trunk and tail; each weight is in one of them, and what passes between them stays on the device. */
export async function loadCut(runtime: Runtime, { head, trunk, tail }: Cut): Promise<CutSessions> {
  const sessions: Session[] = [];
  const release = async (): Promise<void> => {
    for (const session of sessions.splice(0)) await session[Symbol.asyncDispose]();
  };
  const load = async (graph: Cut["head"], options?: LoadOptions): Promise<LoadedPart> => {
    const session = await runtime.load(graph, { allowHalf: true, ...options });
    sessions.push(session);
    return { session, inputs: [...graph.inputs.keys()] };
  };
  try {
    const parts = {
      head: await load(head, { keepResults: true }),
      trunk: await load(trunk, { keepResults: true }),
      tail: await load(tail),
    };
    return { parts, [Symbol.asyncDispose]: release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** A denoiser that holds the trunk's last result; disposing frees it. */
export interface CachedDenoiser extends Denoiser, Disposable {}

/**
 * DeepCache (Ma, Fang & Wang 2024, algorithm 1): head and tail run on every evaluation, the trunk only where `isFull`
 * says so; in between, the tail is fed the trunk's last result. Evaluation 0 is always full, so that a denoiser never
 * starts from another run's cache.
 */
export function cachedDenoiser(
  { parts }: CutSessions,
  isFull: (evaluation: number) => boolean,
  { conditioning, observe, signal, now }: RunContext,
): CachedDenoiser {
  let index = 0;
  let cache: Readonly<Record<string, DeviceTensor>> | undefined;
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
      const run = async (name: PartName): Promise<Readonly<Record<string, DeviceTensor>>> => {
        signal?.throwIfAborted();
        const { session, inputs } = parts[name];
        const start = now();
        const outputs = await session.run(pick(known, inputs, name));
        seconds[name] = (now() - start) / 1000;
        return outputs;
      };

      try {
        for (const [name, output] of Object.entries(await run("head"))) {
          held.push(output);
          known[name] = output;
        }
        const full = cache === undefined || isFull(index);
        if (full) {
          const fresh = await run("trunk");
          release();
          cache = fresh;
        }
        Object.assign(known, cache);
        const prediction = only(await run("tail"), "tail");
        held.push(prediction);
        const result = await prediction.download();
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

function pick(known: Readonly<Record<string, Feed>>, names: readonly string[], part: string): Record<string, Feed> {
  return Object.fromEntries(
    names.map((name) => {
      const feed = known[name];
      if (feed === undefined) throw new TypeError(`Cannot run the ${part}: it needs "${name}", which nobody gives`);
      return [name, feed];
    }),
  );
}

function only(outputs: Readonly<Record<string, DeviceTensor>>, part: string): DeviceTensor {
  const [output, ...others] = Object.values(outputs);
  if (output === undefined || others.length > 0) throw new TypeError(`The ${part} must have one output`);
  return output;
}
