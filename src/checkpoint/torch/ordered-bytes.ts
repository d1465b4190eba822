import { DTYPES } from "../../tensor/dtype.ts";
import { elementCount } from "../../tensor/tensor.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import { readPieces } from "../bytes/read-pieces.ts";
import { isContiguous } from "./torch-file.ts";
import type { TorchTensor } from "./torch-objects.ts";

/** Elements that are put in order at a time, and elements of the file among which they are looked for. */
const CHUNK = 2 * 1024 * 1024;
const WINDOW = 4 * CHUNK;

/** The bytes of a tensor in row-major order, a few megabytes at a time; its storage begins at `start` of `source`. */
export async function* orderedBytes(
  tensor: TorchTensor,
  source: ByteSource,
  start: number,
): AsyncGenerator<Uint8Array> {
  const { shape, storage, offset } = tensor;
  const width = DTYPES[storage.dtype].bytes;
  const count = elementCount(shape);
  if (isContiguous(tensor)) {
    yield* readPieces(source, start + offset * width, count * width);
    return;
  }
  for (let first = 0; first < count; first += CHUNK) {
    const places = placesOf(tensor, first, Math.min(CHUNK, count - first));
    yield await gather(places, width, (from, length) => source.read(start + from * width, length * width));
  }
}

/** Where in its storage the elements `first … first + count` of a tensor lie. */
function placesOf({ shape, strides, offset }: TorchTensor, first: number, count: number): Float64Array {
  const index = new Array<number>(shape.length).fill(0);
  let place = offset;
  for (let axis = shape.length - 1, rest = first; axis >= 0; axis--) {
    const size = shape[axis]!;
    index[axis] = rest % size;
    rest = Math.floor(rest / size);
    place += index[axis]! * strides[axis]!;
  }
  const places = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    places[i] = place;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      place -= index[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return places;
}

/** The elements of `width` bytes at `places`, read in windows over the range that they span. */
async function gather(
  places: Float64Array,
  width: number,
  read: (from: number, length: number) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const out = new Uint8Array(places.length * width);
  const last = places.reduce((most, place) => Math.max(most, place), 0);
  const lowest = places.reduce((least, place) => Math.min(least, place), last);
  for (let from = lowest; from <= last; from += WINDOW) {
    const length = Math.min(WINDOW, last + 1 - from);
    const bytes = await read(from, length);
    for (let i = 0; i < places.length; i++) {
      const at = places[i]! - from;
      if (at < 0 || at >= length) continue;
      for (let byte = 0; byte < width; byte++) out[i * width + byte] = bytes[at * width + byte]!;
    }
  }
  return out;
}
