import { DTYPES, type Dtype } from "../../tensor/dtype.ts";

type ReadElement = (view: DataView, position: number) => number;

const READ_ELEMENT: Readonly<Record<Dtype, ReadElement>> = {
  F64: (view, position) => view.getFloat64(position, true),
  F32: (view, position) => view.getFloat32(position, true),
  F16: (view, position) => fromHalf(view.getUint16(position, true)),
  BF16: (view, position) => fromBfloat(view.getUint16(position, true)),
  F8_E4M3: (view, position) => fromEighth(view.getUint8(position)),
  F8_E5M2: (view, position) => fromHalf(view.getUint8(position) << 8), // the upper half of a half
  I64: (view, position) => Number(view.getBigInt64(position, true)),
  I32: (view, position) => view.getInt32(position, true),
  I16: (view, position) => view.getInt16(position, true),
  I8: (view, position) => view.getInt8(position),
  U8: (view, position) => view.getUint8(position),
  BOOL: (view, position) => (view.getUint8(position) === 0 ? 0 : 1),
};

/** Little-endian elements of any type, rounded to float32. */
export function decodeElements(bytes: Uint8Array, dtype: Dtype): Float32Array {
  const width = DTYPES[dtype].bytes;
  const values = new Float32Array(bytes.length / width);
  if (dtype === "F32") {
    new Uint8Array(values.buffer).set(bytes);
    return values;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = READ_ELEMENT[dtype];
  for (let i = 0; i < values.length; i++) values[i] = read(view, i * width);
  return values;
}

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Four bits of exponent and three of fraction, without infinities (Micikevicius et al. 2022). */
function fromEighth(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >> 3) & 0xf;
  const fraction = bits & 0x7;
  if (exponent === 0xf && fraction === 0x7) return Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -9 : sign * (8 + fraction) * 2 ** (exponent - 10);
}

const bits32 = new DataView(new ArrayBuffer(4));

/** A bfloat16 is the upper half of a float32. */
function fromBfloat(bits: number): number {
  bits32.setUint32(0, bits << 16);
  return bits32.getFloat32(0);
}
