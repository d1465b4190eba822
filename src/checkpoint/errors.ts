/** A checkpoint file or folder that cannot be used as it is: broken, incomplete, hostile or of an unknown kind. */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
}
