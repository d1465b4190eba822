import { deflateRawSync } from "node:zlib";
import { crc32, joined, type Parts, u16, u32, u64 } from "./bytes.ts";

/** One file of an archive, and what the archive says of it in place of the truth. */
export interface ZipPart {
  readonly name: string;
  readonly data?: Uint8Array;
  /** The bytes as they lie in the archive, where they are not those of `data`. */
  readonly raw?: Uint8Array;
  readonly method?: number;
  readonly size?: number;
  readonly packed?: number;
  readonly flags?: number;
  readonly localName?: string;
  readonly offset?: number;
  /** How often the directory lists it. */
  readonly listed?: number;
}

/** What the end of an archive says in place of the truth. */
export interface ZipLies {
  readonly comment?: Uint8Array;
  readonly count?: number;
  readonly directorySize?: number;
  readonly directoryOffset?: number;
  /** Adds the records of large archives. */
  readonly wide?: { readonly count?: bigint; readonly offset?: bigint; readonly place?: bigint };
}

/** A zip archive. */
export function zip(parts: readonly ZipPart[], lies: ZipLies = {}): Buffer<ArrayBuffer> {
  const content: Parts[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const part of parts) {
    const { name, data = new Uint8Array(), method = 0, flags = 0, localName = name, offset = at, listed = 1 } = part;
    const raw = part.raw ?? (method === 8 ? deflateRawSync(data, { level: 9 }) : data);
    const [size, packed] = [part.size ?? data.length, part.packed ?? raw.length];
    const facts = [u16(flags), u16(method), u32(0), u32(crc32(data)), u32(packed), u32(size)];
    const title = Buffer.from(localName);
    const local = joined(u32(0x04034b50), u16(20), facts, u16(title.length), u16(0), title);
    content.push(local, raw);
    at += local.length + raw.length;
    const listing = Buffer.from(name);
    const places = [u16(0), u16(0), u16(0), u16(0), u32(0), u32(offset), listing];
    const entry = joined(u32(0x02014b50), u16(20), u16(20), facts, u16(listing.length), places);
    for (let i = 0; i < listed; i++) directory.push(entry);
  }
  return joined(content, directory, ending(joined(directory).length, directory.length, at, lies));
}

function ending(size: number, count: number, offset: number, lies: ZipLies): Parts {
  const { comment = new Uint8Array(), wide } = lies;
  const said = lies.count ?? count;
  const end = [
    ...[u32(0x06054b50), u32(0), u16(said), u16(said), u32(lies.directorySize ?? size)],
    ...[u32(lies.directoryOffset ?? offset), u16(comment.length), comment],
  ];
  if (wide === undefined) return end;
  const counted = wide.count ?? BigInt(count);
  return [
    ...[u32(0x06064b50), u64(44), u16(45), u16(45), u32(0), u32(0), u64(counted), u64(counted), u64(size)],
    ...[u64(wide.offset ?? BigInt(offset)), u32(0x07064b50), u32(0), u64(wide.place ?? BigInt(offset + size)), u32(1)],
    ...end,
  ];
}
