import { expect, test } from "vitest";
import { deviceText } from "../src/engine/device-text.ts";

test.each([
  ["cpu", 8, "CPU, 8 threads"],
  ["cpu", 1, "CPU, 1 thread"],
  ["cpu", undefined, "CPU"],
  ["cuda", undefined, "GPU (CUDA)"],
  ["openvino", 4, "CPU (OpenVINO), 4 threads"],
  ["openvino:NPU", undefined, "NPU (OpenVINO)"],
  ["a device of the caller's own", undefined, "a device of the caller's own"],
])("%j with %j threads is called %j", (device, threads, text) => {
  expect(deviceText(device, threads)).toBe(text);
});
