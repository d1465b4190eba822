import type { Weights } from "./weights.ts";

/** What one file of weights holds; no tensor has been read. */
export interface CheckpointFile {
  readonly weights: Weights;
  /** Free text that the file's author stored beside the tensors. */
  readonly metadata: Readonly<Record<string, string>>;
}
