import type { DeviceTensor, Feed } from "../runtime/runtime.ts";

/** Network inputs that stay the same over a run, by the names of the graph. */
export type Conditioning = Readonly<Record<string, Feed>>;

/** The parts of a cut network, and what comes before them once per run. */
export type PartName = "prelude" | "head" | "trunk" | "tail";

/** What one network evaluation did and how long it took. */
export interface Evaluation {
  /** Counts from 0 within a run. */
  readonly index: number;
  readonly timestep: number;
  /** Whether the trunk ran; false where its last result was reused. */
  readonly full: boolean;
  /**
   * Seconds in each part that ran; the first evaluation has the prelude's too. An uncut network is all trunk. Where parts run
   * in one piece, a full evaluation's time is the trunk's and a cached one's the tail's.
   */
  readonly seconds: Readonly<Partial<Record<PartName, number>>>;
}

/** What a denoiser needs besides the network itself. */
export interface RunContext {
  readonly conditioning: Conditioning;
  /** Further inputs of each evaluation, counted from 0. */
  readonly varying?: ((evaluation: number) => Conditioning) | undefined;
  /** Told after every evaluation. */
  readonly observe?: ((evaluation: Evaluation) => void) | undefined;
  /** Shown what the trunk of a cut network gave on a full evaluation, which stays alive until this has ended. */
  readonly observeTrunk?:
    | ((evaluation: number, outputs: Readonly<Record<string, DeviceTensor>>) => Promise<void>)
    | undefined;
  /** Stops the run before the next part. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from a fixed point. */
  readonly now: () => number;
}
