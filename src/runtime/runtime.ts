/// <reference lib="esnext.disposable" preserve="true" />
// The types of what is disposed of, for programs whose own `lib` ends before them.

import type { Graph } from "../onnx/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Precision } from "./precision.ts";

/** Whole numbers: token ids and class labels. */
export interface IntegerTensor {
  readonly data: BigInt64Array;
  readonly shape: readonly number[];
}

/** A result that may live on a device; it is freed by whoever holds it last. */
export interface DeviceTensor extends Disposable {
  readonly shape: readonly number[];
  /** The values in JavaScript's memory; from a CPU they come without a copy, from elsewhere with one that takes time. */
  download(): Promise<Tensor>;
}

/** What a session takes as input. */
export type Feed = Tensor | IntegerTensor | DeviceTensor;

/** A graph that is ready to run. Inputs and outputs carry the graph's names. */
export interface Session extends AsyncDisposable {
  run(inputs: Readonly<Record<string, Feed>>, options?: RunOptions): Promise<Readonly<Record<string, DeviceTensor>>>;
}

/** What a caller may want of one run. */
export interface RunOptions {
  /** Stops waiting at once. What has been started runs to its end; its results are dropped and the session stays usable. */
  readonly signal?: AbortSignal | undefined;
}

/** What a caller lets a runtime do with a graph: it changes where and how fast the graph runs. */
export interface LoadOptions {
  /** Results that go to other sessions: they stay where the graph ran until somebody downloads them. */
  readonly keep?: readonly string[];
  /** Convolutions and matrix products may run in float16 or int8 where the runtime can; inputs and results stay float32. */
  readonly allowHalf?: boolean;
  /** The session runs so rarely that it is to be loaded fast rather than to run fast. */
  readonly once?: boolean;
  /** The session runs so often that a first run may take longer for all others to be faster. */
  readonly repeated?: boolean;
  /** Stops waiting at once; what is loaded nevertheless is released. */
  readonly signal?: AbortSignal | undefined;
}

/** Something that runs graphs. */
export interface Runtime {
  /** What it runs on, for people. */
  readonly device: string;
  /** Threads that it computes with on the CPU; left out where it runs elsewhere, or that is not known. */
  readonly threads?: number | undefined;
  /** Whether results are copied to JavaScript's memory and back on their way from session to session. */
  readonly copies: boolean;
  /** What it computes in what may be computed in less than float32; float32 where left out. */
  readonly precision?: Precision;
  /** Gets ready for graphs that are going to be loaded within a second, while these are being made. */
  begin?(): void;
  load(graph: Graph, options?: LoadOptions): Promise<Session>;
}
