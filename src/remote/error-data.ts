import { CheckpointError } from "../checkpoint/errors.ts";
import { DeepCacheError, type ErrorCode } from "../errors/deepcache-error.ts";
import { DeviceError, DeviceLostError } from "../errors/device-error.ts";

/** An error as a message carries it: cloning would lose its class and its code. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: ErrorCode | undefined;
  readonly cause?: ErrorData | undefined;
}

/** `error` for a message. */
export function errorData(error: unknown): ErrorData {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, stack, cause } = error;
  return {
    ...{ name, message, stack },
    code: error instanceof DeepCacheError ? error.code : undefined,
    cause: cause === undefined ? undefined : errorData(cause),
  };
}

/** The error that a message carried, of the class by which callers tell it apart. */
export function errorFrom({ stack, cause, ...data }: ErrorData): Error {
  const error = errorOf(data, cause === undefined ? undefined : { cause: errorFrom(cause) });
  if (stack !== undefined && !(error instanceof DOMException)) error.stack = stack;
  return error;
}

function errorOf({ name, message, code }: ErrorData, options: ErrorOptions | undefined): Error {
  switch (name) {
    case "AbortError":
      return new DOMException(message, name);
    case "TypeError":
      return new TypeError(message, options);
    case "RangeError":
    case "ClassNameError":
      return new RangeError(message, options);
    case "CheckpointError":
      return new CheckpointError(message, { ...options, ...(code === undefined ? {} : { code }) });
    case "DeviceError":
      return new DeviceError(message, options);
    case "DeviceLostError":
      return new DeviceLostError(message, options);
  }
  const error = code === undefined ? new Error(message, options) : new DeepCacheError(code, message, options);
  return Object.assign(error, { name });
}
