import { describe, expect, test } from "vitest";
import { DeviceError } from "../../src/errors/device-error.ts";
import { type NodeDevice, ONNX_RUNTIME_DEVICES } from "../../src/runtime/node/device.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { onnxRuntime } from "../../src/runtime/node/onnxruntime.ts";

const built = onnxRuntime()
  .listSupportedBackends()
  .map(({ name }) => name);
const missing = Object.keys(ONNX_RUNTIME_DEVICES).filter((name) => !built.includes(name)) as NodeDevice[];

describe("nodeRuntime()", () => {
  test.each(missing)("refuses %s, which this build of ONNX Runtime lacks, with what it has", (device) => {
    const had = Object.keys(ONNX_RUNTIME_DEVICES).filter((name) => built.includes(name));
    expect(() => nodeRuntime({ device })).toThrow(
      new DeviceError(
        `Cannot run on device "${device}": ONNX Runtime for ${process.platform} ${process.arch} comes with ${had.join(", ")}`,
      ),
    );
  });

  test("refuses a device that nobody has", () => {
    for (const device of ["gpu", "toString", "", "openvino:TPU", "openvino:CPU.0", "openvino:"]) {
      expect(() => nodeRuntime({ device: device as NodeDevice })).toThrow(
        new RangeError(
          `Cannot run on device "${device}": one of cpu, webgpu, cuda, coreml, dml, openvino[:CPU|GPU|NPU] is required`,
        ),
      );
    }
  });

  test("refuses a precision that a device does not compute in, and says which does", () => {
    expect(() => nodeRuntime({ precision: "bfloat16" })).toThrow(
      new RangeError('Cannot compute in bfloat16 on device "cpu": it takes device "openvino" in Node'),
    );
    expect(() => nodeRuntime({ precision: "int4" as "int8" })).toThrow(
      new RangeError('Cannot compute in "int4": one of float32, int8, bfloat16, float16 is required'),
    );
  });

  test("refuses low memory elsewhere than on the CPU", () => {
    const device = Object.keys(ONNX_RUNTIME_DEVICES).find(
      (name) => name !== "cpu" && built.includes(name),
    ) as NodeDevice;
    expect(() => nodeRuntime({ device, lowMemory: true })).toThrow(
      `Cannot use lowMemory on device "${device}": it leaves weights in their files, which takes a CPU`,
    );
  });
});
