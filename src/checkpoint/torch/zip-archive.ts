import { LIMITS } from "../../errors/limits.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import { quote } from "../bytes/limits.ts";
import { CheckpointError } from "../errors.ts";
import { ByteReader } from "./byte-reader.ts";
import { inflateRange } from "./inflate.ts";
import { readPickle } from "./pickle.ts";
import type { StoragePlace, TorchArchive } from "./torch-archive.ts";
import { torchHost } from "./torch-objects.ts";
import { locateEntry, readZipDirectory, type ZipEntry } from "./zip.ts";

/** Reads the container of torch 1.6 and later: a zip of `data.pkl` and one file per storage. */
export async function readZipArchive(source: ByteSource): Promise<TorchArchive> {
  const entries = await readZipDirectory(source);
  const pickles = [...entries.values()].filter(({ name }) => /^([^/]+\/)?data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1) {
    throw new CheckpointError(`Cannot read "${source.name}": it is a zip archive, but none that torch.save wrote`);
  }
  const prefix = pickle.name.slice(0, -"data.pkl".length);
  await checkByteOrder(source, entries.get(`${prefix}byteorder`));
  const name = `the pickle of "${source.name}"`;
  const bytes = await readEntry(source, pickle, LIMITS.torch.pickleBytes.most);
  const places = new Map<string, Promise<StoragePlace>>(); // many tensors may share a storage
  const root = readPickle(new ByteReader(bytes, name), name, torchHost(source.name));
  return {
    root,
    async locate({ key, dtype, elements }) {
      const entry = entries.get(`${prefix}data/${key}`);
      const expected = elements * DTYPES[dtype].bytes;
      if (entry?.size === expected) {
        const place = places.get(key) ?? placeEntry(source, entry);
        places.set(key, place);
        return await place;
      }
      const found = entry === undefined ? "missing" : `${entry.size} bytes long`;
      throw new CheckpointError(
        `Cannot read "${source.name}": its storage ${quote(key)} is ${found}, ${elements} elements of ${dtype} take ${expected}`,
      );
    },
  };
}

async function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  const order = entry === undefined ? "little" : new TextDecoder().decode(await readEntry(source, entry, 16));
  if (order !== "little") {
    throw new CheckpointError(`Cannot read "${source.name}": its byte order is ${quote(order)}, not "little"`);
  }
}

async function readEntry(source: ByteSource, entry: ZipEntry, limit: number): Promise<Uint8Array> {
  if (entry.size > limit) {
    throw new CheckpointError(
      `Cannot read "${source.name}": its entry ${quote(entry.name)} has ${entry.size} bytes, at most ${limit} are read`,
    );
  }
  const place = await placeEntry(source, entry);
  return place.kind === "plain" ? source.read(place.offset, entry.size) : inflateRange(source, place.packed);
}

async function placeEntry(source: ByteSource, entry: ZipEntry): Promise<StoragePlace> {
  const offset = await locateEntry(source, entry);
  if (entry.packing === "none") return { kind: "plain", offset };
  return { kind: "deflated", packed: { name: entry.name, offset, length: entry.packed, size: entry.size } };
}
