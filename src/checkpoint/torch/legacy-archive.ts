import { LIMITS } from "../../errors/limits.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import { quote } from "../bytes/limits.ts";
import { CheckpointError } from "../errors.ts";
import { ByteReader, UnexpectedEnd } from "./byte-reader.ts";
import { readPickle } from "./pickle.ts";
import type { TorchArchive } from "./torch-archive.ts";
import { type Storage, torchHost } from "./torch-objects.ts";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;
const FIRST_WINDOW_BYTES = 1024 * 1024;
const COUNT_BYTES = 8;

/**
 * Reads the container of torch before 1.6: five pickles (magic number, protocol, platform, the value, the order of the
 * storages), then every storage as its number of elements and its bytes.
 */
export async function readLegacyArchive(source: ByteSource): Promise<TorchArchive> {
  const { root, storages, order, end } = await readPickles(source);
  const starts = new Map<string, number>();
  let position = end;
  for (const key of order) {
    const storage = storages.get(key);
    if (storage === undefined) throw failure(source, `it keeps storage ${quote(key)}, which no tensor names`);
    const reader = new ByteReader(await source.read(position, COUNT_BYTES), `"${source.name}"`);
    const elements = reader.uint64();
    if (elements !== storage.elements) {
      throw failure(source, `its storage ${quote(key)} has ${elements} elements, its pickle says ${storage.elements}`);
    }
    starts.set(key, position + COUNT_BYTES);
    position += COUNT_BYTES + elements * DTYPES[storage.dtype].bytes;
    if (position > source.size)
      throw failure(source, `it ends inside of storage ${quote(key)}, so it has been truncated`);
  }
  return {
    root,
    async locate({ key }) {
      const start = starts.get(key);
      if (start === undefined) throw failure(source, `its storage ${quote(key)} is missing`);
      return { kind: "plain", offset: start };
    },
  };
}

interface Pickles {
  readonly root: unknown;
  readonly storages: ReadonlyMap<string, Storage>;
  readonly order: readonly string[];
  readonly end: number;
}

/** How long the pickles are shows only in reading them, so more of the file is taken until they end. */
async function readPickles(source: ByteSource): Promise<Pickles> {
  const most = Math.min(source.size, LIMITS.torch.pickleBytes.most);
  for (let window = Math.min(FIRST_WINDOW_BYTES, most); ; window = Math.min(4 * window, most)) {
    try {
      return parsePickles(await source.read(0, window), source);
    } catch (error) {
      if (!(error instanceof UnexpectedEnd) || window === most) throw error;
    }
  }
}

function parsePickles(bytes: Uint8Array, source: ByteSource): Pickles {
  const name = `the pickle of "${source.name}"`;
  const reader = new ByteReader(bytes, name);
  const host = torchHost(source.name);
  const storages = new Map<string, Storage>();
  const recording = {
    ...host,
    persistent(id: unknown): unknown {
      const storage = host.persistent(id) as Storage;
      const known = storages.get(storage.key);
      if (known !== undefined && (known.dtype !== storage.dtype || known.elements !== storage.elements)) {
        throw failure(source, `its pickle describes storage ${quote(storage.key)} in two ways`);
      }
      storages.set(storage.key, storage);
      return storage;
    },
  };
  if (readPickle(reader, name, host) !== MAGIC) throw failure(source, "it is a pickle, but none that torch.save wrote");
  const protocol = readPickle(reader, name, host);
  if (protocol !== PROTOCOL) throw failure(source, `its protocol is ${String(protocol)}, only ${PROTOCOL} is read`);
  const platform = readPickle(reader, name, host);
  if (!(platform instanceof Map) || platform.get("little_endian") !== true) {
    throw failure(source, "its numbers are not little-endian");
  }
  const root = readPickle(reader, name, recording);
  const order = readPickle(reader, name, host);
  if (!Array.isArray(order) || !order.every((key) => typeof key === "string") || new Set(order).size !== order.length) {
    throw failure(source, "its list of storages is not a list of different names");
  }
  return { root, storages, order, end: reader.position };
}

const failure = (source: ByteSource, reason: string): CheckpointError =>
  new CheckpointError(`Cannot read "${source.name}": ${reason}`);
