import { describe, expect, test } from "vitest";
import { DeviceError } from "../../src/errors/device-error.ts";
import { NODE_DEVICES, type NodeDevice } from "../../src/runtime/node/device.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { onnxRuntime } from "../../src/runtime/node/onnxruntime.ts";

const built = onnxRuntime()
  .listSupportedBackends()
  .map(({ name }) => name);
const missing = Object.keys(NODE_DEVICES).filter((name) => !built.includes(name)) as NodeDevice[];

describe("nodeRuntime()", () => {
  test.each(missing)("refuses %s, which this build of ONNX Runtime lacks, with what it has", (device) => {
    const had = Object.keys(NODE_DEVICES).filter((name) => built.includes(name));
    expect(() => nodeRuntime({ device })).toThrow(
      new DeviceError(
        `Cannot run on device "${device}": ONNX Runtime for ${process.platform} ${process.arch} comes with ${had.join(", ")}`,
      ),
    );
  });

  test("refuses a device that nobody has", () => {
    for (const device of ["gpu", "toString", ""]) {
      expect(() => nodeRuntime({ device: device as NodeDevice })).toThrow(
        new RangeError(`Cannot run on device "${device}": one of cpu, webgpu, cuda, coreml, dml is required`),
      );
    }
  });

  test("refuses low memory elsewhere than on the CPU", () => {
    const device = Object.keys(NODE_DEVICES).find((name) => name !== "cpu" && built.includes(name)) as NodeDevice;
    expect(() => nodeRuntime({ device, lowMemory: true })).toThrow(
      `Cannot use lowMemory on device "${device}": it leaves weights in their files, which takes a CPU`,
    );
  });
});
