/** Prompts, settings or results of an evaluation that cannot be used. */
export class EvaluationError extends Error {
  override readonly name = "EvaluationError";
}
