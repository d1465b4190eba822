import type { ExternalData, Graph, WeightSource } from "../../onnx/graph.ts";
import type { Locate } from "../../onnx/protobuf/model.ts";
import type { WeightBytes } from "../sessions/opened-session.ts";
import { heldPieces, lazyBlob } from "./lazy-blob.ts";

/** The weights of a graph as ONNX Runtime Web takes them. */
export interface PackedWeights {
  readonly locate: Locate;
  readonly files: readonly WeightBytes[];
}

/** Bytes between two weights of a file that are rather fetched along than asked for apart. */
const GAP = 64 * 1024;
/** Files are read in pieces of so many bytes, and so many pieces at a time. */
const PIECE = 64 * 2 ** 20;
const AT_A_TIME = 6;

/** Part of a file that holds weights side by side. */
interface Piece {
  readonly source: WeightSource;
  readonly offset: number;
  end: number;
}

/** Pieces that are held while ONNX Runtime reads weights out of them: it takes those in the order of the graph. */
const HELD = 3;

/**
 * Gathers the weights of `graph`: what lies side by side is read at once. `lazily`, ONNX Runtime gets Blobs and reads from those
 * one weight after the other, straight to where it computes; what has no Blob is read then as well, a few pieces being held.
 */
export async function packedWeights(graph: Graph, lazily: boolean): Promise<PackedWeights> {
  const weights = [...graph.initializers.values()].flatMap((initializer) =>
    initializer.kind === "weight" && initializer.data !== undefined ? [initializer.data] : [],
  );
  const pieces = piecesOf(weights);
  const held = heldPieces(({ source, offset, end }: Piece) => source.read(offset, end - offset), HELD);
  const files = await mapSome(pieces, async (piece, i) => ({
    path: `weights-${i}`,
    data: await (lazily ? blobOf(piece, held) : read(piece)),
  }));
  return {
    locate({ source, offset, length }) {
      const at = pieces.findIndex(
        (piece) => piece.source === source && piece.offset <= offset && offset + length <= piece.end,
      );
      return { location: `weights-${at}`, offset: offset - (pieces[at]?.offset ?? 0) };
    },
    files,
  };
}

function piecesOf(weights: readonly ExternalData[]): readonly Piece[] {
  const bySource = grouped(weights);
  const pieces: Piece[] = [];
  for (const [source, own] of bySource) {
    for (const { offset, length } of own.toSorted((a, b) => a.offset - b.offset)) {
      const last = pieces.at(-1);
      const end = offset + length;
      const joins =
        last?.source === source && offset <= last.end + GAP && Math.max(last.end, end) - last.offset <= PIECE;
      if (joins) last.end = Math.max(last.end, end);
      else pieces.push({ source, offset, end });
    }
  }
  return pieces;
}

function grouped(weights: readonly ExternalData[]): ReadonlyMap<WeightSource, ExternalData[]> {
  const groups = new Map<WeightSource, ExternalData[]>();
  for (const data of weights) groups.set(data.source, [...(groups.get(data.source) ?? []), data]);
  return groups;
}

async function read({ source, offset, end }: Piece): Promise<Uint8Array> {
  const length = end - offset;
  if (source.blob === undefined) return await source.read(offset, length);
  return new Uint8Array(await (await source.blob(offset, length)).arrayBuffer());
}

async function blobOf(piece: Piece, held: (piece: Piece) => Promise<Uint8Array>): Promise<Blob> {
  const { source, offset, end } = piece;
  if (source.blob !== undefined) return await source.blob(offset, end - offset);
  return lazyBlob({
    size: end - offset,
    read: async (at, length) => (await held(piece)).subarray(at, at + length),
  });
}

/** The results of `work` for all of `items`, a few at a time. */
async function mapSome<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await work(items[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return results;
}
