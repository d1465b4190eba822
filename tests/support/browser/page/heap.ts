// Keeps account of WebAssembly's memory; imported before what makes any.

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

/** Bytes of WebAssembly's memory in this thread, which never shrinks. */
export const heapBytes = (): number => made.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
