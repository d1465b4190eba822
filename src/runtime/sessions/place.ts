import type { Answer, Question } from "./messages.ts";

/** Where sessions run and results lie: the calling thread, or another one. */
export interface Place {
  /** Whether values are copied on their way there, unless they are given away. */
  readonly away: boolean;
  /** Gets ready for the first question, which then waits less. */
  begin(): void;
  /** Answers come in the order of questions; the buffers in `moved` are given away. */
  ask(question: Question, moved?: readonly ArrayBuffer[]): Promise<Answer>;
  /** Frees a tensor after everything that was asked before. */
  free(tensor: number): void;
  /** Says that a session or a tensor is there from now on, or no longer. */
  enter(): void;
  leave(): void;
  /** Waits for its end, where nothing is there. */
  end(): Promise<void>;
}
