// OpenVINO as session-host.js asks for ONNX Runtime: graphs that are opened, run and released, and tensors in memory.

/** @import { Handle, OpenVinoLibrary } from "./openvino-library.js" */
/** @import { OnnxRuntimeModule } from "../sessions/calling-thread.ts" */
/** @import { OpenVinoOptions } from "./open-graph.ts" */
/** @import { Values } from "../sessions/messages.ts" */

/**
 * @param {() => OpenVinoLibrary} load
 * @returns {OnnxRuntimeModule}
 */
export function openVinoModule(load) {
  /** @type {{ readonly library: OpenVinoLibrary, readonly core: Handle } | undefined} */
  let loaded;
  const openVino = () => {
    if (loaded === undefined) {
      const library = load();
      loaded = { library, core: library.createCore() };
    }
    return loaded;
  };
  const module = {
    env: {},
    /**
     * @param {Values["data"]} data
     * @param {readonly number[]} dims
     */
    Tensor: function Tensor(data, dims) {
      return tensorOf(data, dims);
    },
    InferenceSession: {
      /**
       * @param {Uint8Array} model
       * @param {OpenVinoOptions} options
       */
      create: async (model, options) => {
        const { library, core } = openVino();
        return createSession(library, core, model, options);
      },
    },
  };
  return /** @type {OnnxRuntimeModule} */ (/** @type {unknown} */ (module));
}

/**
 * @param {Values["data"]} data
 * @param {readonly number[]} dims
 */
const tensorOf = (data, dims) => ({ location: "cpu", data, dims, dispose() {} });

/**
 * @param {OpenVinoLibrary} library
 * @param {Handle} core
 * @param {Uint8Array} model
 * @param {OpenVinoOptions} options
 */
function createSession(library, core, model, { device, properties, outputs }) {
  const read = library.readModel(core, model);
  /** @type {Handle} */
  let compiled;
  try {
    compiled = library.compileModel(core, read, device, properties);
  } finally {
    library.freeModel(read);
  }
  /** @type {Handle} */
  let request;
  try {
    request = library.createRequest(compiled);
  } catch (error) {
    library.freeCompiled(compiled);
    throw error;
  }
  return {
    /** @param {Readonly<Record<string, { readonly data: Float32Array | BigInt64Array, readonly dims: readonly number[] }>>} feeds */
    async run(feeds) {
      const results = Object.fromEntries(
        Object.entries(outputs).map(([name, dims]) => {
          return [name, tensorOf(new Float32Array(dims.reduce((product, size) => product * size, 1)), dims)];
        }),
      );
      /** @type {Handle[]} */
      const tensors = [];
      try {
        for (const [name, { data, dims }] of [...Object.entries(feeds), ...Object.entries(results)]) {
          const tensor = library.createTensor(/** @type {Float32Array} */ (data), dims);
          tensors.push(tensor);
          library.setTensor(request, name, tensor);
        }
        library.infer(request);
      } finally {
        for (const tensor of tensors) library.freeTensor(tensor);
      }
      return results;
    },
    async release() {
      library.freeRequest(request);
      library.freeCompiled(compiled);
    },
  };
}
