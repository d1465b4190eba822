/** What went wrong, for programs; messages are for people. An abort is no error of this kind: it stays an AbortError. */
export type ErrorCode =
  /** There is no such model, file or folder. */
  | "MODEL_NOT_FOUND"
  /** The model is of a kind that this engine does not run, or lacks what the task needs. */
  | "MODEL_UNSUPPORTED"
  /** A file of the model is broken, truncated, or at odds with another. */
  | "CHECKPOINT_BROKEN"
  /** What lies on a hub or at an address could not be downloaded. */
  | "DOWNLOAD_FAILED"
  /** A hub keeps a model for those that it knows, or that have accepted the model's terms. */
  | "ACCESS_DENIED"
  /** ONNX Runtime is not installed, too old, or cannot be loaded. */
  | "RUNTIME_MISSING"
  /** The device is not there or cannot be used. */
  | "DEVICE_UNAVAILABLE"
  /** The run would not fit into memory, or did not. */
  | "OUT_OF_MEMORY"
  /** An option has a value that is not allowed. */
  | "OPTION_INVALID"
  /** There is no option of this name. */
  | "OPTION_UNKNOWN"
  /** A picture cannot be read, or not without an optional package. */
  | "IMAGE_UNREADABLE"
  /** Another run is under way, and the queue rejects. */
  | "BUSY"
  /** The pipeline has been disposed of. */
  | "DISPOSED";

/** An error that a caller may want to tell apart, by its `code`. */
export class DeepCacheError extends Error {
  override readonly name: string = "DeepCacheError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
