import { DeepCacheError } from "./deepcache-error.ts";

/** The device is not there: this build of ONNX Runtime or this machine lacks it. */
export class DeviceError extends DeepCacheError {
  override readonly name = "DeviceError";

  constructor(message: string, options?: ErrorOptions) {
    super("DEVICE_UNAVAILABLE", message, options);
  }
}
