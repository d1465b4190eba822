/** A device of OpenVINO's: the CPU where none is named; GPUs and NPUs may be numbered. */
export type OpenVinoDevice = "openvino" | `openvino:${"CPU" | "GPU" | "NPU"}` | `openvino:${"GPU" | "NPU"}.${number}`;

/** Whether OpenVINO has a device of this name on some machine. */
export const isOpenVinoDevice = (name: string): name is OpenVinoDevice =>
  /^openvino(:(CPU|(GPU|NPU)(\.\d+)?))?$/.test(name);

/** What OpenVINO itself calls a device. */
export const nameInOpenVino = (device: OpenVinoDevice): string =>
  device === "openvino" ? "CPU" : device.slice("openvino:".length);
