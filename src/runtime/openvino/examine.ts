import { DeviceError } from "../../errors/device-error.ts";
import type { Precision } from "../precision.ts";
import { nameInOpenVino, type OpenVinoDevice } from "./device.ts";
import { loadOpenVino } from "./load-openvino.ts";
import type { Handle, OpenVinoLibrary } from "./openvino-library.js";

/** A device that OpenVINO finds. */
export interface FoundDevice {
  readonly device: OpenVinoDevice;
  /** As its maker calls it. */
  readonly name: string;
  /** What it computes networks in. */
  readonly precisions: readonly Precision[];
}

/** What devices say that they compute in, by OpenVINO's names. */
const CAPABILITIES = { FP32: "float32", BF16: "bfloat16", FP16: "float16" } as const;

/** The version of OpenVINO, such as 2026.4.1. */
export const openVinoVersion = (): string => loadOpenVino().version().split("-")[0] ?? "";

/** The devices of OpenVINO on this machine. */
export const openVinoDevices = (): readonly FoundDevice[] =>
  withCore((library, core) =>
    library.devices(core).map((name) => ({
      device: `openvino:${name}` as OpenVinoDevice,
      name: library.property(core, name, "FULL_DEVICE_NAME"),
      precisions: precisionsOf(library.property(core, name, "OPTIMIZATION_CAPABILITIES")),
    })),
  );

/** What a device computes networks in; a device that OpenVINO does not find is refused. */
export const openVinoPrecisions = (device: OpenVinoDevice): readonly Precision[] =>
  withCore((library, core) => {
    const name = nameInOpenVino(device);
    const found = library.devices(core);
    if (found.some((one) => one === name || one.startsWith(`${name}.`))) {
      return precisionsOf(library.property(core, name, "OPTIMIZATION_CAPABILITIES"));
    }
    const names = found.map((one) => `openvino:${one}`).join(", ");
    throw new DeviceError(`Cannot run on device "${device}": OpenVINO finds ${names} on this machine`);
  });

const precisionsOf = (capabilities: string): readonly Precision[] => {
  const offered = capabilities.split(" ");
  return Object.entries(CAPABILITIES).flatMap(([name, precision]) => (offered.includes(name) ? [precision] : []));
};

function withCore<T>(work: (library: OpenVinoLibrary, core: Handle) => T): T {
  const library = loadOpenVino();
  const core = library.createCore();
  try {
    return work(library, core);
  } finally {
    library.freeCore(core);
  }
}
