/** Values of a tensor on their way to a session or from one. */
export interface Values {
  readonly data: Float32Array | BigInt64Array | Int8Array;
  readonly dims: readonly number[];
}

/** An input: what lies beside the session under a number, or values, which lie there as `as` from then on if it is given. */
export type Fed = { readonly held: number } | { readonly values: Values; readonly as?: number };

/** ONNX Runtime's options, named without its types: these reach what the package declares to programs that go without it. */
export type SessionOptions = Readonly<Record<string, unknown>>;

/** What is asked of those who hold sessions; numbers are chosen by whoever asks. */
export type Question =
  | {
      readonly kind: "open";
      readonly session: number;
      readonly model: Uint8Array;
      readonly options: SessionOptions;
    }
  | {
      readonly kind: "run";
      readonly session: number;
      readonly feeds: Readonly<Record<string, Fed>>;
      /** Results that stay beside the session, with their numbers. */
      readonly keep: Readonly<Record<string, number>>;
    }
  /** Hands over values that lie there; they stay as well if `copy`. */
  | { readonly kind: "read"; readonly tensor: number; readonly copy: boolean }
  | { readonly kind: "release"; readonly session: number }
  /** The one that is not answered. */
  | { readonly kind: "free"; readonly tensors: readonly number[] }
  /** For tests. */
  | { readonly kind: "count" };

/** Results of a run by name, or what was read as "value". */
export interface Answer {
  readonly results: Readonly<Record<string, Values>>;
  readonly counts?: { readonly sessions: number; readonly tensors: number };
}

let numbers = 0;

/** A number that nothing else has, for a session or a tensor. */
export function freshNumber(): number {
  numbers += 1;
  return numbers;
}
