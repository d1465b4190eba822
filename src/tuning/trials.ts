import type { Gram } from "./gram.ts";
import { mean } from "./statistics.ts";
import type { TrialRun, TuningMemory, TuningOptions, TuningSubject } from "./tuning.ts";

/** What a trial on the calibration images came to. */
export interface Trial {
  readonly run: TrialRun;
  /** Mean over images of the latents' peak signal-to-noise ratio to the reference for a peak of 1, dB. */
  readonly score: number;
  readonly evaluations: number;
  readonly fse: number;
  readonly ratio: number;
}

/** Makes trials, each once. */
export interface Trials {
  /** On all calibration images. */
  score(run: TrialRun): Promise<Trial>;
  /** On the first few of them, which is enough to see what is far behind. */
  look(run: TrialRun): Promise<Trial>;
  /** A look at a run without a cache, with what its features came to. */
  features(run: TrialRun): Promise<Trial & { readonly gram: Gram }>;
  /** The timesteps at which a run evaluates the network, highest first. */
  timesteps(run: TrialRun): Promise<readonly number[]>;
}

/** Trials on the calibration images against the reference run. */
export function trialsOf(
  subject: TuningSubject,
  { reference, look }: TuningOptions,
  memory: TuningMemory,
  tell: (what: string) => void,
): Trials {
  let target: Promise<readonly Float32Array[]> | undefined;
  const referenceLatents = (): Promise<readonly Float32Array[]> => {
    target ??= memory
      .recall(`reference ${reference.sampler}:${reference.steps}`, isPacked, async () => {
        tell(`the reference, ${reference.steps} steps of ${reference.sampler}`);
        const { latents } = await subject.run("calibration", { ...reference, cache: { kind: "off" } });
        return latents.map(packed);
      })
      .then((texts) => texts.map(unpacked));
    return target;
  };
  const trial = async (
    run: TrialRun,
    ask: { readonly first?: number; readonly features?: boolean },
  ): Promise<Trial & { readonly gram?: Gram | undefined }> => {
    const targets = await referenceLatents();
    const isFound = (value: unknown): value is Found => isFoundOf(value, ask.features ?? false);
    const found = await memory.recall(JSON.stringify({ ...run, ...ask }), isFound, async () => {
      tell(`${run.steps} steps of ${run.sampler}`);
      const { latents, evaluations, fse, ratio, gram } = await subject.run("calibration", run, ask);
      return { scores: latents.map((own, i) => ratioTo(own, targets[i]!)), evaluations, fse, ratio, gram };
    });
    const { scores, ...rest } = found;
    return { run, score: mean(scores), ...rest };
  };
  return {
    score: (run) => trial(run, {}),
    look: (run) => trial(run, { first: look }),
    timesteps: (run) => subject.timesteps(run),
    async features(run) {
      const { gram, ...found } = await trial(run, { first: look, features: true });
      if (gram === undefined) throw new Error("A run for features gave none");
      return { ...found, gram };
    },
  };
}

/** What is kept of a trial. */
interface Found extends Omit<Trial, "run" | "score"> {
  readonly scores: readonly number[];
  readonly gram?: Gram | undefined;
}

const isNumbers = (value: unknown): value is readonly number[] => Array.isArray(value) && value.every(Number.isFinite);

function isFoundOf(value: unknown, withGram: boolean): value is Found {
  const { scores, evaluations, fse, ratio, gram } = Object(value) as Readonly<Record<string, unknown>>;
  return isNumbers([evaluations, fse, ratio]) && isNumbers(scores) && (!withGram || isGram(gram));
}

function isGram(value: unknown): value is Gram {
  const { evaluations, products } = Object(value) as Readonly<Record<string, unknown>>;
  return isNumbers([evaluations]) && Array.isArray(products) && products.every(isNumbers);
}

/** Whether a value is texts of float32 numbers. */
const isPacked = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((text) => typeof text === "string" && isBase64(text));

function isBase64(text: string): boolean {
  try {
    return atob(text).length % Float32Array.BYTES_PER_ELEMENT === 0;
  } catch {
    return false;
  }
}

/** 10 log₁₀ of one over the mean squared difference. */
function ratioTo(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return -10 * Math.log10(Math.max(sum / a.length, 1e-12));
}

function packed(values: Float32Array): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

const unpacked = (text: string): Float32Array =>
  new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
