import type { Random } from "./random.ts";

/** Numbers at which programs go wrong. */
export const NUMBERS: readonly number[] = [
  ...[0, 1, -1, 2, 3, 4, 7, 8, 16, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32],
  ...[2 ** 53 - 1, 2 ** 53, 2 ** 63, 1e308, -1e308, 0.5, -0, 1e-320, 1.5, 1e9, 1e6, 4096, 129, 17],
];

/** Texts at which programs go wrong. */
export const TEXTS: readonly string[] = [
  ...["", "__proto__", "constructor", "toString", "hasOwnProperty", "\0", "../../x", "/nowhere/x", "a".repeat(300)],
  ...["\ud800", "é", "<script>", "null", "NaN", "Infinity", "-1", "F32", "BF16", "\n", "\u2028", "\ufeff"],
];

/** Bytes that mean something in text. */
const TELLING_BYTES = [0, 255, 127, 128, 10, 13, 34, 40, 46, 91, 92, 93, 123, 125];

/** `value` with one to three changes somewhere. */
export function mutateJson(value: unknown, random: Random): unknown {
  let changed = value;
  for (let n = 1 + random.int(3); n > 0; n--) changed = changeOnce(changed, random);
  return changed;
}

function leaf(random: Random): unknown {
  const leaves: readonly (() => unknown)[] = [
    () => random.pick(NUMBERS),
    () => random.pick(TEXTS),
    () => null,
    () => random.chance(0.5),
    () => [],
    () => ({}),
    () => [random.pick(NUMBERS)],
    () => ({ [random.pick(TEXTS)]: random.pick(NUMBERS) }),
    () => [[[[]]]],
    () => Array.from({ length: random.int(40) }, () => random.pick(NUMBERS)),
  ];
  return random.pick(leaves)();
}

function changeOnce(value: unknown, random: Random): unknown {
  if (value === null || typeof value !== "object" || random.chance(0.1)) {
    if (typeof value !== "number" || random.chance(0.5)) return leaf(random);
    return random.pick([value + 1, value - 1, value * 2, -value, value / 2, value * 1e9, value + 2 ** 53]);
  }
  return Array.isArray(value) ? changeList(value, random) : changeObject(value, random);
}

function changeList(value: readonly unknown[], random: Random): unknown[] {
  const copy = [...value];
  const i = random.int(copy.length + 1);
  switch (random.int(6)) {
    case 0:
      copy.splice(i, 1);
      break;
    case 1:
      copy.splice(i, 0, leaf(random));
      break;
    case 2:
      copy.splice(i, 0, copy[random.int(copy.length)]);
      break;
    case 3:
      copy.length = Math.min(copy.length, i);
      break;
    default:
      if (copy.length > 0) copy[i % copy.length] = changeOnce(copy[i % copy.length], random);
  }
  return copy;
}

function changeObject(value: object, random: Random): object {
  const copy: Record<string, unknown> = { ...value };
  const keys = Object.keys(copy);
  const key = keys[random.int(keys.length)];
  const define = (name: string, content: unknown): void => {
    Object.defineProperty(copy, name, { value: content, enumerable: true, configurable: true, writable: true });
  };
  const kind = random.int(7);
  if (kind === 1) define(random.pick(TEXTS), leaf(random));
  if (key === undefined || kind === 1) return copy;
  if (kind === 0) delete copy[key];
  else if (kind === 2) {
    const moved = copy[key];
    delete copy[key];
    define(random.pick(keys), moved);
  } else define(key, changeOnce(copy[key], random));
  return copy;
}

/** `bytes` with one to four changes somewhere. */
export function mutateBytes(bytes: Uint8Array, random: Random): Buffer {
  let changed = Buffer.from(bytes);
  for (let n = 1 + random.int(4); n > 0; n--) {
    if (changed.length === 0) return Buffer.from([random.int(256)]);
    changed = changeBytes(changed, random);
  }
  return changed;
}

function changeBytes(bytes: Buffer, random: Random): Buffer<ArrayBuffer> {
  const changed = Buffer.from(bytes);
  const i = random.int(bytes.length);
  switch (random.int(11)) {
    case 0:
      changed[i] = bytes[i]! ^ (1 << random.int(8));
      return changed;
    case 1:
      changed[i] = random.int(256);
      return changed;
    case 2:
      changed[i] = random.pick(TELLING_BYTES);
      return changed;
    case 3:
      return changed.subarray(0, i);
    case 4:
      return Buffer.concat([bytes.subarray(0, i), bytes.subarray(i + 1 + random.int(16))]);
    case 5:
      return Buffer.concat([bytes.subarray(0, i), bytes.subarray(i, i + random.int(64)), bytes.subarray(i)]);
    case 6: {
      const number = BigInt(Math.trunc(Math.abs(random.pick(NUMBERS)))) & 0xffffffffffffffffn;
      const written = Buffer.alloc(8);
      written.writeBigUInt64LE(number);
      written.copy(changed, i, 0, random.pick([1, 2, 4, 8]));
      return changed;
    }
    case 7: {
      const numbers = [0, 1, 0xffffffff, 0x7fffffff, bytes.length, bytes.length - i, random.int(2 ** 32)];
      if (i + 4 <= bytes.length) changed.writeUInt32LE(random.pick(numbers), i);
      return changed;
    }
    case 8:
      if (i + 4 <= bytes.length) changed.writeUInt32BE(random.pick([0, 1, 0xffff, bytes.length, 2 ** 31]), i);
      return changed;
    case 9:
      return Buffer.concat([bytes.subarray(0, i), Buffer.from(random.pick(TEXTS)), bytes.subarray(i)]);
    default:
      changed.copyWithin(i, random.int(bytes.length), random.int(bytes.length));
      return changed;
  }
}
