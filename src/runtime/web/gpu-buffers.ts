import type { OnnxRuntimeModule } from "../sessions/calling-thread.ts";

interface GpuBuffer {
  readonly size: number;
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
  destroy(): void;
}

interface CommandEncoder {
  copyBufferToBuffer(from: GpuBuffer, fromAt: number, to: GpuBuffer, toAt: number, size: number): void;
  finish(): object;
}

interface Device {
  createBuffer(descriptor: { readonly size: number; readonly usage: number }): GpuBuffer;
  createCommandEncoder(): CommandEncoder;
  readonly queue: {
    writeBuffer(buffer: GpuBuffer, at: number, data: ArrayBufferView): void;
    submit(commands: readonly object[]): void;
  };
}

type OrtTensor = InstanceType<OnnxRuntimeModule["Tensor"]>;

/** Tensors of float32 numbers in a GPU's memory, which those of ONNX Runtime are read from and written to in its order. */
export interface GpuBuffers extends Disposable {
  /** A tensor with a buffer of its own, which is used again once the tensor is disposed of. */
  tensor(shape: readonly number[]): OrtTensor;
  write(values: OrtTensor, to: OrtTensor): void;
  copy(pairs: readonly (readonly [from: OrtTensor, to: OrtTensor])[]): void;
  /** The values as a tensor here. */
  read(from: OrtTensor): Promise<OrtTensor>;
}

/** WebGPU's numbers for what buffers are for, and for how they are mapped. */
const MAP_READ = 1;
const COPY_SRC = 4;
const COPY_DST = 8;
const STORAGE = 128;
const READ = 1;

/** Buffers of the device that ONNX Runtime uses from its first session on; disposing destroys them, with what they hold. */
export async function gpuBuffers({ env, Tensor }: OnnxRuntimeModule): Promise<GpuBuffers> {
  const device = (await env.webgpu.device) as unknown as Device;
  const free = new Map<number, GpuBuffer[]>();
  const all = new Set<GpuBuffer>();
  const take = (size: number): GpuBuffer => {
    const found = free.get(size)?.pop();
    if (found !== undefined) return found;
    const made = device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
    all.add(made);
    return made;
  };
  const give = (buffer: GpuBuffer): void => {
    if (all.has(buffer)) free.set(buffer.size, [...(free.get(buffer.size) ?? []), buffer]);
  };
  const copyAll = (pairs: readonly (readonly [GpuBuffer, GpuBuffer])[]): void => {
    if (pairs.length === 0) return;
    const encoder = device.createCommandEncoder();
    for (const [from, to] of pairs) encoder.copyBufferToBuffer(from, 0, to, 0, Math.min(from.size, to.size));
    device.queue.submit([encoder.finish()]);
  };
  const valuesIn = async (from: GpuBuffer, shape: readonly number[]): Promise<Float32Array> => {
    const staging = device.createBuffer({ size: from.size, usage: MAP_READ | COPY_DST });
    copyAll([[from, staging]]);
    await staging.mapAsync(READ);
    const values = new Float32Array(staging.getMappedRange().slice(0, bytesOf(shape)));
    staging.destroy();
    return values;
  };
  return {
    tensor(shape) {
      const buffer = take(ALIGNED * Math.ceil(bytesOf(shape) / ALIGNED));
      return Tensor.fromGpuBuffer(buffer as never, {
        dataType: "float32",
        dims: [...shape],
        download: () => valuesIn(buffer, shape),
        dispose: () => give(buffer),
      }) as OrtTensor;
    },
    write: ({ data }, to) => device.queue.writeBuffer(bufferOf(to), 0, data as Float32Array),
    copy: (pairs) => copyAll(pairs.map(([from, to]) => [bufferOf(from), bufferOf(to)])),
    read: async (from) => new Tensor("float32", await valuesIn(bufferOf(from), from.dims), [...from.dims]),
    [Symbol.dispose]() {
      for (const buffer of all) buffer.destroy();
      all.clear();
      free.clear();
    },
  };
}

/** Bytes that the sizes of ONNX Runtime's buffers are multiples of. */
const ALIGNED = 16;

const bytesOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, Float32Array.BYTES_PER_ELEMENT);

const bufferOf = ({ gpuBuffer }: OrtTensor): GpuBuffer => gpuBuffer as unknown as GpuBuffer;
