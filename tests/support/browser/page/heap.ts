// Keeps account of WebAssembly's memory and of the GPU's; imported before what makes any.

interface Memory {
  readonly buffer: { readonly byteLength: number };
}

const { WebAssembly: assembly } = globalThis as unknown as {
  readonly WebAssembly: { Memory: new (descriptor: object) => Memory };
};
const made: Memory[] = [];

assembly.Memory = class extends assembly.Memory {
  constructor(descriptor: object) {
    super(descriptor);
    made.push(this);
  }
};

interface GpuBuffer {
  readonly size: number;
}

const { GPUDevice: device, GPUBuffer: buffer } = globalThis as unknown as {
  readonly GPUDevice?: {
    readonly prototype: { createBuffer(descriptor: object): GpuBuffer; createBindGroup(descriptor: object): object };
  };
  readonly GPUBuffer?: { readonly prototype: { destroy(): void } };
};
let live = 0;
let bound = 0;
/** Buffers that nobody destroys, such as those that results are read through, go when they are collected. */
const collected = new FinalizationRegistry<number>((size) => {
  live -= size;
});
if (device !== undefined && buffer !== undefined) {
  const { createBuffer, createBindGroup } = device.prototype;
  device.prototype.createBindGroup = function (this: object, descriptor) {
    bound += 1;
    return createBindGroup.call(this as never, descriptor);
  };
  device.prototype.createBuffer = function (this: object, descriptor) {
    const made = createBuffer.call(this as never, descriptor);
    live += made.size;
    collected.register(made, made.size, made);
    return made;
  };
  const { destroy } = buffer.prototype;
  buffer.prototype.destroy = function (this: GpuBuffer) {
    if (collected.unregister(this)) live -= this.size;
    destroy.call(this as never);
  };
}

/** How often buffers were bound to a shader in this thread: commands that are played again are not bound anew. */
export const bindings = (): number => bound;

/** Bytes of the buffers that this thread has in the GPU's memory. */
export const gpuBytes = (): number => live;

/** The same once everything has been collected that nobody refers to. */
export async function gpuBytesKept(): Promise<number> {
  for (let time = 0; time < 3; time++) {
    (globalThis as unknown as { gc(): void }).gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return live;
}

/** Bytes of WebAssembly's memory in this thread, which never shrinks. */
export const heapBytes = (): number => made.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
