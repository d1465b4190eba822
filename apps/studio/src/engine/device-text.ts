const NAMES: Readonly<Record<string, string>> = {
  cpu: "CPU",
  webgpu: "GPU (WebGPU)",
  cuda: "GPU (CUDA)",
  dml: "GPU (DirectML)",
  coreml: "Core ML",
  openvino: "CPU (OpenVINO)",
};

/** What models run on, in the words of its badge: `CPU, 8 threads`. */
export function deviceText(device: string, threads?: number): string {
  const name = NAMES[device] ?? device.replace(/^openvino:(.+)$/, "$1 (OpenVINO)");
  if (threads === undefined) return name;
  return `${name}, ${threads === 1 ? "1 thread" : `${threads} threads`}`;
}
