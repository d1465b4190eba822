import { DTYPES } from "../../tensor/dtype.ts";
import { elementCount } from "../../tensor/tensor.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import { readPieces } from "../bytes/read-pieces.ts";
import { isContiguous } from "./torch-file.ts";
import type { TorchTensor } from "./torch-objects.ts";

/** Elements that are put in order at a time, and elements of the file that are held meanwhile. */
const CHUNK = 2 * 1024 * 1024;
const WINDOW = 4 * CHUNK;
/** For a few elements, which may lie far apart. */
const LEAST_WINDOW = 2 ** 14;
/** A chunk may span the whole storage, which is read anew for each: no more chunks than this, whatever the size. */
const MOST_CHUNKS = 64;

/**
 * The bytes of a tensor in row-major order, a few megabytes at a time; its storage begins at `start` of `source`. `spend` is
 * told of the bytes that are read for a tensor that is not in that order, before they are.
 */
export async function* orderedBytes(
  tensor: TorchTensor,
  source: ByteSource,
  start: number,
  spend: (bytes: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  const { shape, storage, offset } = tensor;
  const width = DTYPES[storage.dtype].bytes;
  const count = elementCount(shape);
  if (isContiguous(tensor)) {
    yield* readPieces(source, start + offset * width, count * width);
    return;
  }
  const chunk = Math.max(CHUNK, Math.ceil(count / MOST_CHUNKS));
  for (let first = 0; first < count; first += chunk) {
    const places = placesOf(tensor, first, Math.min(chunk, count - first));
    yield await gather(places, width, (from, length) => {
      spend(length * width);
      return source.read(start + from * width, length * width);
    });
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

/** The elements of `width` bytes at `places`. Of each window of the file, only what lies between two of them is read. */
async function gather(
  places: Float64Array,
  width: number,
  read: (from: number, length: number) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const out = new Uint8Array(places.length * width);
  for (const { first, last, members } of windowsOf(places)) {
    const bytes = await read(first, last + 1 - first);
    for (const i of members) {
      const at = (places[i]! - first) * width;
      for (let byte = 0; byte < width; byte++) out[i * width + byte] = bytes[at + byte]!;
    }
  }
  return out;
}

/** Places of one window of the file: where they begin and end, and which they are. */
interface Window {
  readonly first: number;
  readonly last: number;
  readonly members: Uint32Array;
}

function* windowsOf(places: Float64Array): Generator<Window> {
  const size = Math.min(WINDOW, Math.max(LEAST_WINDOW, 4 * places.length));
  const counts = new Map<number, number>();
  for (const place of places) {
    const window = Math.floor(place / size);
    counts.set(window, (counts.get(window) ?? 0) + 1);
  }
  const filled = new Map([...counts].map(([window, count]) => [window, { members: new Uint32Array(count), found: 0 }]));
  for (let i = 0; i < places.length; i++) {
    const entry = filled.get(Math.floor(places[i]! / size))!;
    entry.members[entry.found++] = i;
  }
  for (const { members } of filled.values()) {
    let [first, last] = [Number.POSITIVE_INFINITY, 0];
    for (const i of members) {
      first = Math.min(first, places[i]!);
      last = Math.max(last, places[i]!);
    }
    yield { first, last, members };
  }
}
