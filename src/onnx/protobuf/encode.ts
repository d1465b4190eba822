/** How the value of a field is written. */
const [VARINT, DELIMITED, FIXED32] = [0, 2, 5];

/** Room to start with; messages are written part by part. */
const ROOM = 2 ** 14;

/** Writes one protobuf message, field by field; a field's number is its number in the schema. */
export interface MessageWriter {
  /** A whole number: int32, int64 or an enum. */
  integer(field: number, value: number): void;
  float(field: number, value: number): void;
  text(field: number, value: string): void;
  bytes(field: number, value: Uint8Array): void;
  /** A message in a field: whatever `write` writes. */
  message(field: number, write: () => void): void;
  /** The bytes that were written. */
  finish(): Uint8Array;
}

/** Starts an empty message. */
export function messageWriter(): MessageWriter {
  let written = new Uint8Array(ROOM);
  let view = new DataView(written.buffer);
  let end = 0;
  const reserve = (bytes: number): void => {
    if (end + bytes <= written.length) return;
    const larger = new Uint8Array(Math.max(2 * written.length, end + bytes));
    larger.set(written.subarray(0, end));
    [written, view] = [larger, new DataView(larger.buffer)];
  };
  /** Seven bits to a byte, the lowest first. */
  const varint = (value: number): void => {
    reserve(MOST_VARINT);
    let rest = value;
    while (rest >= 0x80) {
      written[end++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    written[end++] = rest;
  };
  /** As a number of 64 bits without a sign. */
  const negative = (value: number): void => {
    reserve(MOST_VARINT);
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 0x80n; rest >>= 7n) written[end++] = Number(rest & 0x7fn) | 0x80;
    written[end++] = Number(rest);
  };
  const tag = (field: number, type: number): void => varint(8 * field + type);
  const raw = (value: Uint8Array): void => {
    reserve(value.length);
    written.set(value, end);
    end += value.length;
  };
  const text = (value: string): void => {
    reserve(MOST_UNIT * value.length);
    const start = end;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) {
        end = start + TEXT.encodeInto(value, written.subarray(start)).written;
        return;
      }
      written[end++] = unit;
    }
  };
  /** The length of what `write` writes stands before it: mostly in one byte, for which room is left. */
  const delimited = <T>(field: number, write: (value: T) => void, value: T): void => {
    tag(field, DELIMITED);
    reserve(1);
    end += 1;
    const start = end;
    write(value);
    const length = end - start;
    if (length < 0x80) {
      written[start - 1] = length;
      return;
    }
    const more = varintLength(length) - 1;
    reserve(more);
    written.copyWithin(start + more, start, end);
    end = start - 1;
    varint(length);
    end += length;
  };
  return {
    integer(field, value) {
      if (!Number.isSafeInteger(value)) throw new RangeError(`Cannot write ${value} as a whole number`);
      tag(field, VARINT);
      if (value < 0) negative(value);
      else varint(value);
    },
    float(field, value) {
      tag(field, FIXED32);
      reserve(4);
      view.setFloat32(end, value, true);
      end += 4;
    },
    text: (field, value) => delimited(field, text, value),
    bytes(field, value) {
      tag(field, DELIMITED);
      varint(value.length);
      raw(value);
    },
    message: (field, write) => delimited(field, write, undefined),
    finish: () => written.slice(0, end),
  };
}

const TEXT = new TextEncoder();

/** Bytes of the longest varint, and of the longest unit of a string. */
const [MOST_VARINT, MOST_UNIT] = [10, 3];

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}
