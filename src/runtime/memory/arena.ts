/** A piece of an arena that is in use. */
export interface ArenaChunk {
  readonly region: Region;
  readonly chunk: Chunk;
}

interface Chunk {
  readonly offset: number;
  size: number;
  free: boolean;
}

interface Region {
  readonly chunks: Chunk[];
  /** One entry for each page: whether it was ever written; none in a region that is larger than most memories. */
  readonly pages: Uint8Array | undefined;
  /** Where what was ever in use ends. */
  end: number;
}

/** ONNX Runtime's memory for the results of operations, in numbers alone. */
export interface Arena {
  allocate(bytes: number): ArenaChunk;
  free(piece: ArenaChunk): void;
  /** Bytes of pages that were ever in use: the system counts these, and the arena gives none back. */
  touched(): number;
}

/** Everything is a multiple of this (`kMinAllocationSize`). */
const ALIGNMENT = 256;
/** The first region, and the most that regions grow to by doubling. */
const [FIRST_REGION, LARGEST_DOUBLING] = [2 ** 20, 2 ** 30];
/** A free chunk less than twice as large as what is asked for is given whole, unless that wastes this much. */
const MOST_WASTED = 128 * 2 ** 20;
/** Of larger regions all counts as written up to where use ends, so that the estimate stays quick. */
const LARGEST_TRACKED = 2 ** 35;
/** How finely memory in use is told from memory that is only reserved. */
const PAGE = 2 ** 16;

/**
 * Follows ONNX Runtime's `BFCArena`: regions that double, the smallest free chunk that fits, neighbours that are free
 * joined. Its memory is larger than what is alive at a time, since chunks do not move.
 */
export function arena(): Arena {
  const regions: Region[] = [];
  let next = FIRST_REGION;
  let touched = 0;

  const extend = (bytes: number): void => {
    const grown = bytes > next;
    while (next < bytes) next *= 2;
    const size = next;
    if (!grown) next = Math.min(2 * next, LARGEST_DOUBLING);
    const pages = size > LARGEST_TRACKED ? undefined : new Uint8Array(Math.ceil(size / PAGE));
    regions.push({ chunks: [{ offset: 0, size, free: true }], pages, end: 0 });
  };
  const find = (bytes: number): ArenaChunk | undefined => {
    let best: ArenaChunk | undefined;
    for (const region of regions) {
      for (const chunk of region.chunks) {
        if (chunk.free && chunk.size >= bytes && (best === undefined || chunk.size < best.chunk.size)) {
          best = { region, chunk };
        }
      }
    }
    return best;
  };
  const place = (bytes: number): ArenaChunk => {
    const found = find(bytes);
    if (found !== undefined) return found;
    extend(bytes);
    return place(bytes);
  };

  return {
    allocate(wanted) {
      const bytes = Math.max(ALIGNMENT, Math.ceil(wanted / ALIGNMENT) * ALIGNMENT);
      const piece = place(bytes);
      const { chunk, region } = piece;
      if (chunk.size >= 2 * bytes || chunk.size - bytes >= MOST_WASTED) {
        const rest = { offset: chunk.offset + bytes, size: chunk.size - bytes, free: true };
        region.chunks.splice(region.chunks.indexOf(chunk) + 1, 0, rest);
        chunk.size = bytes;
      }
      chunk.free = false;
      const { pages } = region;
      const end = chunk.offset + bytes;
      if (pages === undefined) {
        touched += Math.max(0, end - region.end);
        region.end = Math.max(region.end, end);
        return piece;
      }
      for (let page = Math.floor(chunk.offset / PAGE); page < end / PAGE; page++) {
        if (pages[page] === 0) touched += PAGE;
        pages[page] = 1;
      }
      return piece;
    },
    free({ region: { chunks }, chunk }) {
      chunk.free = true;
      const at = chunks.indexOf(chunk);
      const [before, after] = [chunks[at - 1], chunks[at + 1]];
      if (after?.free) {
        chunk.size += after.size;
        chunks.splice(at + 1, 1);
      }
      if (before?.free) {
        before.size += chunk.size;
        chunks.splice(at, 1);
      }
    },
    touched: () => touched,
  };
}
