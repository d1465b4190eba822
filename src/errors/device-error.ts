import { DeepCacheError } from "./deepcache-error.ts";

/** The device is not there: this build of ONNX Runtime or this machine lacks it. */
export class DeviceError extends DeepCacheError {
  override readonly name = "DeviceError";

  constructor(message: string, options?: ErrorOptions) {
    super("DEVICE_UNAVAILABLE", message, options);
  }
}

/** The device went away while it was in use: its driver was restarted, or another program took all of its memory. */
export class DeviceLostError extends DeepCacheError {
  override readonly name = "DeviceLostError";

  constructor(message: string, options?: ErrorOptions) {
    super("DEVICE_UNAVAILABLE", message, options);
  }
}
