import { LIMITS } from "../../errors/limits.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import { quote } from "../bytes/limits.ts";
import { CheckpointError } from "../errors.ts";
import { ByteReader } from "./byte-reader.ts";

/** One file inside of an archive, as the archive's directory describes it. */
export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  /** Bytes that it takes in the archive. */
  readonly packed: number;
  /** Where its local header lies; its bytes follow that. */
  readonly headerOffset: number;
  /** Where the next header or the directory begins: its bytes end no later. */
  readonly limit: number;
  readonly packing: "none" | "deflate" | "other";
}

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
const ENTRY_SIGNATURE = 0x02014b50;
const HEADER_SIGNATURE = 0x04034b50;
const HEADER_BYTES = 30;
const MAX_COMMENT_BYTES = 65_535;
const { directoryBytes: DIRECTORY, entries: ENTRIES } = LIMITS.zip;
/** Compression methods by their number. */
const PACKINGS: ReadonlyMap<number, ZipEntry["packing"]> = new Map([
  [0, "none"],
  [8, "deflate"],
]);
const ENCRYPTED_FLAG = 1;
const ZIP64_FIELD = 1;
const IN_ZIP64_FIELD = 0xffffffff;

/** Lists what a zip archive holds by reading its directory; also archives and entries above 4 GB. */
export async function readZipDirectory(source: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const directory = await findDirectory(source);
  if (directory.size > DIRECTORY.most) {
    throw failure(source, `its directory has ${directory.size} bytes, at most ${DIRECTORY.most} are read`);
  }
  if (directory.offset + directory.size > source.size) {
    throw failure(source, `its directory of ${directory.size} bytes at ${directory.offset} does not fit`);
  }
  if (directory.entries > ENTRIES.most) {
    throw failure(source, `its directory lists ${directory.entries} entries, at most ${ENTRIES.most} are read`);
  }
  const name = `the directory of "${source.name}"`;
  const reader = new ByteReader(await source.read(directory.offset, directory.size), name);
  const entries = new Map<string, Omit<ZipEntry, "limit">>();
  for (let i = 0; i < directory.entries; i++) {
    const entry = readEntry(reader, source);
    if (entries.has(entry.name)) throw failure(source, `its directory lists ${quote(entry.name)} twice`);
    entries.set(entry.name, entry);
  }
  return new Map([...withLimits([...entries.values()], directory.offset)].map((entry) => [entry.name, entry]));
}

/** Where the bytes of `entry` lie in the archive, as they are packed; refuses one that reaches into its neighbour. */
export async function locateEntry(source: ByteSource, entry: ZipEntry): Promise<number> {
  if (entry.packing === "other" || (entry.packing === "none" && entry.packed !== entry.size)) {
    throw failure(source, `its entry ${quote(entry.name)} is compressed in a way that is not read`);
  }
  const reader = new ByteReader(await source.read(entry.headerOffset, HEADER_BYTES), `"${source.name}"`);
  if (reader.uint32() !== HEADER_SIGNATURE) throw failure(source, `its entry ${quote(entry.name)} has no header`);
  reader.skip(22);
  const start = entry.headerOffset + HEADER_BYTES + reader.uint16() + reader.uint16();
  if (start + entry.packed > entry.limit) {
    throw failure(
      source,
      `its entry ${quote(entry.name)} says ${entry.packed} bytes, there are ${Math.max(0, entry.limit - start)}`,
    );
  }
  return start;
}

interface Directory {
  readonly entries: number;
  readonly size: number;
  readonly offset: number;
}

/** The record at the end of the archive, or the 64-bit one that it points to. */
async function findDirectory(source: ByteSource): Promise<Directory> {
  const tailSize = Math.min(source.size, END_BYTES + MAX_COMMENT_BYTES + LOCATOR_BYTES);
  const tailOffset = source.size - tailSize;
  const tail = await source.read(tailOffset, tailSize);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  let end = tailSize - END_BYTES;
  while (end >= 0 && !(view.getUint32(end, true) === END_SIGNATURE && endsAt(view, end) === tailSize)) end--;
  if (end < 0) throw failure(source, "it is a zip archive without its directory, so it has been truncated");
  const locator = end - LOCATOR_BYTES;
  if (locator >= 0 && view.getUint32(locator, true) === LOCATOR_SIGNATURE) {
    return readDirectory64(source, Number(view.getBigUint64(locator + 8, true)));
  }
  return {
    entries: view.getUint16(end + 10, true),
    size: view.getUint32(end + 12, true),
    offset: view.getUint32(end + 16, true),
  };
}

const endsAt = (view: DataView, end: number): number => end + END_BYTES + view.getUint16(end + 20, true);

async function readDirectory64(source: ByteSource, offset: number): Promise<Directory> {
  const reader = new ByteReader(await source.read(offset, END64_BYTES), `the directory of "${source.name}"`);
  if (reader.uint32() !== END64_SIGNATURE) throw failure(source, "its 64-bit directory is not where it should be");
  reader.skip(28);
  return { entries: reader.uint64(), size: reader.uint64(), offset: reader.uint64() };
}

function readEntry(reader: ByteReader, source: ByteSource): Omit<ZipEntry, "limit"> {
  if (reader.uint32() !== ENTRY_SIGNATURE) throw failure(source, "its directory is damaged");
  reader.skip(4);
  const flags = reader.uint16();
  const method = reader.uint16();
  reader.skip(8);
  const sizes = { compressed: reader.uint32(), size: reader.uint32() };
  const [nameLength, extraLength, commentLength] = [reader.uint16(), reader.uint16(), reader.uint16()];
  reader.skip(8);
  const fields = { ...sizes, headerOffset: reader.uint32() };
  const name = new TextDecoder().decode(reader.bytes(nameLength));
  const {
    compressed: packed,
    size,
    headerOffset,
  } = widen(fields, new ByteReader(reader.bytes(extraLength), `"${source.name}"`));
  reader.skip(commentLength);
  if ((flags & ENCRYPTED_FLAG) !== 0) throw failure(source, `its entry ${quote(name)} is encrypted`);
  return { name, size, packed, headerOffset, packing: PACKINGS.get(method) ?? "other" };
}

interface Fields {
  readonly compressed: number;
  readonly size: number;
  readonly headerOffset: number;
}

/** Replaces the fields that are too small for their value by those of the zip64 extra field, which come in this order. */
function widen({ size, compressed, headerOffset }: Fields, extra: ByteReader): Fields {
  const wanted = [size, compressed, headerOffset];
  while (wanted.includes(IN_ZIP64_FIELD)) {
    const [id, length] = [extra.uint16(), extra.uint16()];
    if (id !== ZIP64_FIELD) {
      extra.skip(length);
      continue;
    }
    const [wideSize = 0, wideCompressed = 0, wideOffset = 0] = wanted.map((value) =>
      value === IN_ZIP64_FIELD ? extra.uint64() : value,
    );
    return { size: wideSize, compressed: wideCompressed, headerOffset: wideOffset };
  }
  return { size, compressed, headerOffset };
}

function* withLimits(entries: readonly Omit<ZipEntry, "limit">[], end: number): Generator<ZipEntry> {
  const inOrder = entries.toSorted((a, b) => a.headerOffset - b.headerOffset);
  for (const [i, entry] of inOrder.entries())
    yield { ...entry, limit: Math.min(inOrder[i + 1]?.headerOffset ?? end, end) };
}

const failure = (source: ByteSource, reason: string): CheckpointError =>
  new CheckpointError(`Cannot read "${source.name}": ${reason}`);
