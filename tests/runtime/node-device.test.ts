import { describe, expect, test } from "vitest";
import { DeviceError } from "../../src/errors/device-error.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { add, concat, cos, identity, multiply, sin } from "../../src/onnx/ops.ts";
import { executionProvider, NODE_DEVICES, type NodeDevice } from "../../src/runtime/node/device.ts";
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

describe("executionProvider()", () => {
  const builder = graphBuilder("embedding");
  const [time, x] = [builder.input("time", "F32", [1]), builder.input("x", "F32", [2])];
  const angle = multiply(time, time);
  const graph = builder.finish({ y: add(identity(concat([sin(angle), cos(angle)], 0)), x) });

  test("leaves sines, cosines and their angles to the CPU on WebGPU", () => {
    expect(executionProvider("webgpu", graph)).toEqual({
      name: "webgpu",
      forceCpuNodeNames: ["Mul_0", "Sin_1", "Cos_2"],
    });
  });

  test("is the device's name elsewhere, and where there is no angle", () => {
    expect(executionProvider("cpu", graph)).toBe("cpu");
    expect(executionProvider("cuda", graph)).toBe("cuda");
    const plain = graphBuilder("plain");
    expect(executionProvider("webgpu", plain.finish({ y: identity(plain.input("x", "F32", [1])) }))).toBe("webgpu");
  });
});
