import { closeSync, fstatSync, openSync } from "node:fs";
import type { ExternalData, Graph } from "../../onnx/graph.ts";
import type { Locate } from "../../onnx/protobuf/model.ts";
import { type Koffi, loadKoffi } from "./load-openvino.ts";

/** What OpenVINO reads as the location of a weight whose offset is its address in memory. */
const IN_MEMORY = "*/_ORT_MEM_ADDR_/*";

/** The weights of a graph in memory, as long as it is loaded. */
export interface MappedWeights {
  readonly locate: Locate;
  free(): void;
}

/**
 * Brings the weights of `graph` into memory: files are mapped, so that they are read as they are used and take none that
 * others could not have; what lies in no file, or on a system without `mmap`, is read.
 */
export async function mapWeights(graph: Graph): Promise<MappedWeights> {
  const koffi = loadKoffi();
  const files = fileMaps(koffi);
  const addresses = new Map<ExternalData, number>();
  const read: Uint8Array[] = []; // an address holds nothing alive
  try {
    for (const initializer of graph.initializers.values()) {
      if (initializer.kind !== "weight" || initializer.data === undefined) continue;
      const { data } = initializer;
      const start = data.source.path === undefined ? undefined : files?.addressOf(data.source.path);
      if (start !== undefined) {
        addresses.set(data, start + data.offset);
        continue;
      }
      const bytes = Uint8Array.from(await data.source.read(data.offset, data.length));
      read.push(bytes);
      addresses.set(data, Number(koffi.address(bytes)));
    }
  } catch (error) {
    files?.free();
    throw error;
  }
  return {
    locate: (data) => ({ location: IN_MEMORY, offset: addresses.get(data) ?? 0 }),
    free() {
      files?.free();
      read.length = 0;
    },
  };
}

const [PROT_READ, MAP_PRIVATE, MAP_FAILED] = [1, 2, -1];

interface FileMaps {
  addressOf(path: string): number;
  free(): void;
}

/** Files in memory; undefined where the system has no `mmap`. */
function fileMaps(koffi: Koffi): FileMaps | undefined {
  if (process.platform === "win32") return undefined;
  const system = koffi.load(null);
  const map = system.func("intptr_t mmap(void *, size_t, int, int, int, int64_t)");
  const unmap = system.func("int munmap(intptr_t, size_t)");
  const mapped = new Map<string, { readonly address: number; readonly size: number }>();
  return {
    addressOf(path) {
      const known = mapped.get(path);
      if (known !== undefined) return known.address;
      const file = openSync(path, "r");
      try {
        const { size } = fstatSync(file);
        const address = Number(map(null, size, PROT_READ, MAP_PRIVATE, file, 0)); // at most 52 bits
        if (address === MAP_FAILED) throw new Error(`Cannot map "${path}" into memory: the system refuses it`);
        mapped.set(path, { address, size });
        return address;
      } finally {
        closeSync(file);
      }
    },
    free() {
      for (const { address, size } of mapped.values()) unmap(address, size);
      mapped.clear();
    },
  };
}
