/** The float32 values of half-precision bit patterns. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  return widen(bits, fromHalf);
}

/** Half-precision bit patterns of `values`, rounded to nearest even; what is too large becomes infinite. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  return narrow(values, toHalf);
}

/** The float32 values of bfloat16 bit patterns, which are the upper halves of float32 ones. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  return widen(bits, (pattern) => pattern << 16);
}

/** bfloat16 bit patterns of `values`, rounded to nearest even. */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  return narrow(values, toBrain);
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** `value` as a half-precision number would hold it. */
export function roundToHalf(value: number): number {
  scratch[0] = value;
  scratchBits[0] = fromHalf(toHalf(scratchBits[0]!));
  return scratch[0];
}

// NaN payloads survive because both directions work on bit patterns, never on JavaScript numbers.
function widen(bits: Uint16Array, convert: (pattern: number) => number): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = convert(bits[i]!);
  return new Float32Array(words.buffer);
}

function narrow(values: Float32Array, convert: (word: number) => number): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) bits[i] = convert(words[i]!);
  return bits;
}

function fromHalf(pattern: number): number {
  const sign = (pattern & 0x8000) << 16;
  const exponent = (pattern >>> 10) & 0x1f;
  const mantissa = pattern & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (mantissa << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  if (mantissa === 0) return sign;
  const shift = Math.clz32(mantissa) - 21; // brings the leading bit of a subnormal to bit 10
  return sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
}

function toHalf(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7c00 | ((magnitude >>> 13) & 0x3ff || 0x200);
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // from 65520, halfway between 65504 and 65536
  if (magnitude >= 0x38800000) return sign | dropToEven(magnitude - 0x38000000, 13); // from 2^-14: normal
  const exponent = magnitude >>> 23;
  if (exponent < 102) return sign; // below 2^-25, half of the smallest subnormal
  return sign | dropToEven((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
}

function toBrain(word: number): number {
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return ((word >>> 16) & 0xff80) | ((magnitude >>> 16) & 0x7f || 0x40);
  return ((word >>> 16) & 0x8000) | dropToEven(magnitude, 16);
}

/** `bits` without its lowest `count`, rounded to nearest even. */
function dropToEven(bits: number, count: number): number {
  return (bits + ((1 << (count - 1)) - 1) + ((bits >>> count) & 1)) >>> count;
}
