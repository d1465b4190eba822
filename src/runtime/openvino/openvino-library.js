// What is called of OpenVINO's C library, through the package koffi. In JavaScript, as session-host.js is: threads load it.

/** What OpenVINO numbers the types of elements with. */
const [F32, I64] = [4, 10];

/** @typedef {object} Handle What OpenVINO gives and takes back. */
/** @typedef {ReturnType<typeof openVinoLibrary>} OpenVinoLibrary */

/** What its device is told, by OpenVINO's own names. @typedef {Readonly<Record<string, string>>} Properties */

/**
 * The C library at `path`. A call that fails throws what OpenVINO says about it.
 *
 * @param {typeof import("koffi")} koffi
 * @param {string} path
 */
export function openVinoLibrary(koffi, path) {
  const library = koffi.load(path);
  const lastError = library.func("const char *ov_get_last_err_msg()");
  const shapeType = koffi.struct({ rank: "int64_t", dims: "int64_t *" });
  const devicesType = koffi.struct({ names: "void *", size: "size_t" });
  const versionType = koffi.struct({ build: "const char *", description: "const char *" });
  const [out, handle] = [koffi.out(koffi.pointer("void *")), "void *"];

  /** @param {number} status */
  const check = (status) => {
    if (status !== 0) throw new Error(`OpenVINO: ${lastError()?.trim() || `status ${status}`}`);
  };
  /** @type {(name: string, types: readonly unknown[]) => (...values: readonly unknown[]) => number} */
  const foreign = (name, types) => library.func(name, "int", /** @type {string[]} */ ([...types]));
  /**
   * Calls that give something through their last parameter.
   *
   * @type {(name: string, types: readonly unknown[]) => (...values: readonly unknown[]) => Handle}
   */
  const giving = (name, types) => {
    const call = foreign(name, [...types, out]);
    return (...values) => {
      /** @type {[Handle | null]} */
      const given = [null];
      check(call(...values, given));
      return /** @type {Handle} */ (given[0]);
    };
  };
  /** @type {(name: string) => (handle: Handle) => void} */
  const freeing = (name) => library.func(name, "void", [handle]);

  const compile = library.func("int ov_core_compile_model(void *, void *, const char *, size_t, _Out_ void **, ...)");
  const createTensor = giving("ov_tensor_create_from_host_ptr", ["int", shapeType, handle]);
  const setTensor = foreign("ov_infer_request_set_tensor", [handle, "const char *", handle]);
  const infer = foreign("ov_infer_request_infer", [handle]);
  const getProperty = giving("ov_core_get_property", [handle, "const char *", "const char *"]);
  const availableDevices = foreign("ov_core_get_available_devices", [handle, koffi.out(koffi.pointer(devicesType))]);
  const getVersion = foreign("ov_get_openvino_version", [koffi.out(koffi.pointer(versionType))]);
  const freeText = freeing("ov_free");

  return {
    /** @type {() => Handle} */
    createCore: giving("ov_core_create", []),
    freeCore: freeing("ov_core_free"),
    /** @type {(core: Handle, model: Uint8Array) => Handle} */
    readModel: (
      (read) => (core, model) =>
        read(core, model, model.byteLength, null)
    )(giving("ov_core_read_model_from_memory_buffer", [handle, "const void *", "size_t", handle])),
    freeModel: freeing("ov_model_free"),
    /** @type {(core: Handle, model: Handle, device: string, properties: Properties) => Handle} */
    compileModel(core, model, device, properties) {
      const words = Object.entries(properties).flat();
      /** @type {[Handle | null]} */
      const given = [null];
      check(compile(core, model, device, words.length, given, ...words.flatMap((word) => ["const char *", word])));
      return /** @type {Handle} */ (given[0]);
    },
    freeCompiled: freeing("ov_compiled_model_free"),
    createRequest: giving("ov_compiled_model_create_infer_request", [handle]),
    freeRequest: freeing("ov_infer_request_free"),
    /**
     * A tensor over memory of JavaScript's, which has to stay as long as it.
     *
     * @type {(data: Float32Array | BigInt64Array, dims: readonly number[]) => Handle}
     */
    createTensor: (data, dims) =>
      createTensor(
        data instanceof Float32Array ? F32 : I64,
        { rank: dims.length, dims: BigInt64Array.from(dims, BigInt) },
        data,
      ),
    freeTensor: freeing("ov_tensor_free"),
    /** @type {(request: Handle, name: string, tensor: Handle) => void} */
    setTensor: (request, name, tensor) => check(setTensor(request, name, tensor)),
    /** @type {(request: Handle) => void} */
    infer: (request) => check(infer(request)),
    /** @type {(core: Handle, device: string, key: string) => string} */
    property(core, device, key) {
      const text = getProperty(core, device, key);
      try {
        return koffi.decode(text, "char", -1);
      } finally {
        freeText(text);
      }
    },
    /** @type {(core: Handle) => readonly string[]} */
    devices(core) {
      /** @type {{ names?: Handle, size?: number | bigint }} */
      const found = {};
      check(availableDevices(core, found));
      return koffi.decode(found.names, koffi.array("const char *", Number(found.size)));
    },
    /** @type {() => string} */
    version() {
      /** @type {{ build?: string }} */
      const found = {};
      check(getVersion(found));
      return found.build ?? "";
    },
  };
}
