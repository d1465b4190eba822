import type { Conditioning } from "../../src/denoisers/evaluation.ts";
import { type LoadedUNet, startDenoiser } from "../../src/denoisers/unet-run.ts";
import type { Denoiser } from "../../src/diffusion/denoiser.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** What one half of a guided evaluation does: runs whole, runs what is above the cut, or nothing at all. */
export type Step = "full" | "cached" | "skipped";

/** Both halves of guidance, each with a step for every evaluation. */
export interface Halves {
  readonly without: readonly Step[];
  readonly with: readonly Step[];
}

/** How far forecasts go along the line through the last two values: of features, and of predictions that are skipped. */
export interface Dampings {
  readonly feature: number;
  readonly prediction: number;
}

/** Full-step equivalents of a guided run: each half is half an evaluation, `ratio` of it where it is cached. */
export function fseOf({ without, with: own }: Halves, ratio: number): number {
  const cost: Readonly<Record<Step, number>> = { full: 1 / 2, cached: ratio / 2, skipped: 0 };
  return [...without, ...own].reduce((sum, step) => sum + cost[step], 0);
}

/**
 * Guidance whose halves are evaluated apart. What stands in for a skipped half with the prompt is its prediction forecast
 * from its last two; for one without, the difference that guidance makes, forecast from the last two evaluations that
 * had it: it changes more slowly than either.
 */
export function denoiserInHalves(
  network: LoadedUNet,
  conditioning: Readonly<Record<keyof Halves, Conditioning>>,
  halves: Halves,
  { feature, prediction }: Dampings,
  scale: number,
): Denoiser & Disposable {
  const now = (): number => performance.now();
  const started = (half: keyof Halves): Denoiser & Disposable =>
    startDenoiser(network, planOfCalls(halves[half], feature), { conditioning: conditioning[half], now });
  const denoisers = { without: started("without"), with: started("with") };
  const predictions = path();
  const differences = path();
  let index = 0;
  return {
    async predict(sample, timestep) {
      const own =
        halves.with[index] === "skipped"
          ? predictions.forecast(index, prediction)
          : (await denoisers.with.predict(sample, timestep)).data;
      if (halves.with[index] !== "skipped") predictions.add(index, own);
      let difference: Float32Array;
      if (halves.without[index] === "skipped") difference = differences.forecast(index, prediction);
      else {
        const other = (await denoisers.without.predict(sample, timestep)).data;
        difference = own.map((value, i) => value - other[i]!);
        differences.add(index, difference);
      }
      index++;
      // without + scale · (with − without), where without = with − difference
      const data = own.map((value, i) => value + (scale - 1) * difference[i]!);
      return { data, shape: sample.shape };
    },
    [Symbol.dispose]() {
      denoisers.without[Symbol.dispose]();
      denoisers.with[Symbol.dispose]();
    },
  };
}

/** The last two values of something, and the line through them. */
function path() {
  const known: { readonly at: number; readonly value: Float32Array }[] = [];
  return {
    add(at: number, value: Float32Array): void {
      known.push({ at, value });
      if (known.length > 2) known.shift();
    },
    forecast(at: number, damping: number): Float32Array {
      const [before, last = before] = known;
      if (before === undefined || last === undefined) throw new RangeError("Cannot skip before anything has run");
      const factor = last === before ? 0 : (damping * (at - last.at)) / (last.at - before.at);
      return last.value.map((value, i) => value + factor * (value - before.value[i]!));
    },
  };
}

/** A cached denoiser counts its calls; skipped evaluations are none. */
function planOfCalls(steps: readonly Step[], damping: number): { full: ReadonlySet<number>; factors: number[] } {
  const full = new Set<number>();
  const factors: number[] = [];
  let [before, last]: (number | undefined)[] = [];
  steps.forEach((step, i) => {
    if (step === "skipped") return;
    if (step === "full") {
      full.add(factors.length);
      [before, last] = [last, i];
      factors.push(0);
    } else {
      factors.push(before === undefined || last === undefined ? 0 : (damping * (i - last)) / (last - before));
    }
  });
  return { full, factors };
}

/** The rows of `tensor` from `start` on. */
export function rowsOf({ data, shape }: Tensor, start: number, count: number): Tensor {
  const size = data.length / (shape[0] ?? 1);
  return { data: data.slice(start * size, (start + count) * size), shape: [count, ...shape.slice(1)] };
}
