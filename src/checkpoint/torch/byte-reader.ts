import { CheckpointError } from "../errors.ts";

/** The bytes at hand end in the middle of something; more of the file may complete it. */
export class UnexpectedEnd extends CheckpointError {}

/** Reads little-endian numbers and text one after the other. */
export class ByteReader {
  position = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #name: string;

  /** `name` is what messages call the bytes. */
  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#name = name;
  }

  /** Moves past `length` bytes and returns where they began. */
  skip(length: number): number {
    const start = this.position;
    if (length > this.#bytes.length - start) throw new UnexpectedEnd(`Cannot read ${this.#name}: it ends early`);
    this.position = start + length;
    return start;
  }

  uint8(): number {
    return this.#view.getUint8(this.skip(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.skip(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.skip(4), true);
  }

  /** Refuses what a double cannot count; no file is that long. */
  uint64(): number {
    const value = this.#view.getBigUint64(this.skip(8), true);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    throw new CheckpointError(`Cannot read ${this.#name}: it counts to ${value}, more than any file holds`);
  }

  /** Pickles alone keep their doubles in network order. */
  float64BigEndian(): number {
    return this.#view.getFloat64(this.skip(8), false);
  }

  bytes(length: number): Uint8Array {
    const start = this.skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Text up to a line feed, which is skipped. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.position);
    const text = this.bytes((end < 0 ? this.#bytes.length + 1 : end) - this.position);
    this.position++;
    return new TextDecoder().decode(text);
  }
}
