import { elementCount, entry, type Tensor } from "../../tensor/tensor.ts";

/** How an autoencoder takes a picture in pieces; names and defaults as in diffusers' `enable_tiling`. */
export interface VaeTiling {
  /** Side of a tile in pixels; what the autoencoder was trained on where left out. */
  readonly tileSampleMinSize?: number | undefined;
  /** The share of a tile that it has in common with the next, from 0 to below 1; 0.25 where left out. */
  readonly tileOverlapFactor?: number | undefined;
}

/** Tiles along both axes, in pixels of what goes in. */
export interface TileGrid {
  readonly tile: number;
  /** From the start of one tile to the start of the next. */
  readonly stride: number;
  /** How many times larger than its input a result is along each side; below 1 where it is smaller. */
  readonly scale: number;
}

/** Side of a tile for autoencoders that do not say what they were trained on. */
const DEFAULT_SIZE = 512;

/** The grid of latent tiles for an autoencoder that makes images `factor` times larger than its latents. */
export function latentGrid(
  { tileSampleMinSize, tileOverlapFactor = 0.25 }: VaeTiling,
  trainedSize: number | undefined,
  factor: number,
): TileGrid {
  const size = tileSampleMinSize ?? trainedSize ?? DEFAULT_SIZE;
  if (!Number.isInteger(size) || size < factor || size % factor !== 0) {
    throw new RangeError(`Cannot decode in tiles of ${size} pixels: a positive multiple of ${factor} is required`);
  }
  if (!(tileOverlapFactor >= 0 && tileOverlapFactor < 1)) {
    throw new RangeError(
      `Cannot overlap tiles by a factor of ${tileOverlapFactor}: a number from 0 to below 1 is required`,
    );
  }
  const tile = size / factor;
  return { tile, stride: Math.max(1, Math.floor(tile * (1 - tileOverlapFactor))), scale: factor };
}

/** The same tiles seen from the other side: of images that become latents. */
export const imageGrid = ({ tile, stride, scale }: TileGrid): TileGrid => ({
  tile: tile * scale,
  stride: stride * scale,
  scale: 1 / scale,
});

/** Whether one tile does not hold all of a picture. */
export const needsTiles = ({ shape: [, , height = 0, width = 0] }: Tensor, { tile }: TileGrid): boolean =>
  Math.max(height, width) > tile;

/**
 * Maps a picture [1, C, H, W] tile by tile and blends neighbours linearly where they overlap, as diffusers'
 * `tiled_decode` does. Tiles of the same size are mapped one after the other, so that `map` can keep what it loaded.
 */
export async function mapTiles(
  picture: Tensor,
  grid: TileGrid,
  map: (tile: Tensor) => Promise<Tensor>,
): Promise<Tensor> {
  const [, , height = 0, width = 0] = picture.shape;
  const [rows, columns] = [spans(height, grid), spans(width, grid)];
  const places = rows.flatMap((y, i) => columns.map((x, j) => ({ index: i * columns.length + j, y, x })));
  const sizeOf = ({ y, x }: { y: Span; x: Span }): string => `${y.length}x${x.length}`;
  const done: Tensor[] = [];
  for (const size of new Set(places.map(sizeOf))) {
    for (const place of places.filter((other) => sizeOf(other) === size)) {
      done[place.index] = await map(cropped(picture, place.y, place.x));
    }
  }
  return joined(done, rows, columns, grid);
}

interface Span {
  readonly start: number;
  readonly length: number;
}

function spans(size: number, { tile, stride }: TileGrid): readonly Span[] {
  return Array.from({ length: Math.ceil(size / stride) }, (_, i) => ({
    start: i * stride,
    length: Math.min(tile, size - i * stride),
  }));
}

function cropped({ data, shape: [, channels = 0, height = 0, width = 0] }: Tensor, y: Span, x: Span): Tensor {
  const shape = [1, channels, y.length, x.length];
  const piece = new Float32Array(elementCount(shape));
  for (let row = 0; row < channels * y.length; row++) {
    const from = (Math.floor(row / y.length) * height + y.start + (row % y.length)) * width + x.start;
    piece.set(data.subarray(from, from + x.length), row * x.length);
  }
  return { data: piece, shape };
}

/** Blends every tile with the one above it and then with the one to its left, and puts the first `stride` of each together. */
function joined(
  tiles: readonly Tensor[],
  rows: readonly Span[],
  columns: readonly Span[],
  { tile, stride, scale }: TileGrid,
): Tensor {
  const [, channels = 0] = entry(tiles, 0).shape;
  const [overlap, keep] = [(tile - stride) * scale, stride * scale];
  const sum = (spans: readonly Span[]): number =>
    spans.reduce((total, { length }) => total + Math.min(keep, length * scale), 0);
  const [height, width] = [sum(rows), sum(columns)];
  const result = new Float32Array(channels * height * width);
  rows.forEach((_, i) => {
    columns.forEach((_, j) => {
      const index = i * columns.length + j;
      const piece = entry(tiles, index);
      if (i > 0) blendInto(piece, entry(tiles, index - columns.length), 2, overlap);
      if (j > 0) blendInto(piece, entry(tiles, index - 1), 3, overlap);
      const [, , h = 0, w = 0] = piece.shape;
      const kept = Math.min(keep, w);
      for (let c = 0; c < channels; c++) {
        for (let y = 0; y < Math.min(keep, h); y++) {
          const from = (c * h + y) * w;
          result.set(piece.data.subarray(from, from + kept), (c * height + i * keep + y) * width + j * keep);
        }
      }
    });
  });
  return { data: result, shape: [1, channels, height, width] };
}

/** Moves the first `extent` of `tile` along `axis` from the last of `before` to itself. */
function blendInto(tile: Tensor, before: Tensor, axis: 2 | 3, extent: number): void {
  const [[, channels = 0, height = 0, width = 0], [, , heightBefore = 0, widthBefore = 0]] = [tile.shape, before.shape];
  const [length, lengthBefore] = axis === 2 ? [height, heightBefore] : [width, widthBefore];
  const count = Math.min(lengthBefore, length, extent);
  const first = lengthBefore - count;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < (axis === 2 ? count : height); y++) {
      for (let x = 0; x < (axis === 3 ? count : width); x++) {
        const share = (axis === 2 ? y : x) / count;
        const at = (c * height + y) * width + x;
        const from = (c * heightBefore + y + (axis === 2 ? first : 0)) * widthBefore + x + (axis === 3 ? first : 0);
        tile.data[at] = entry(before.data, from) * (1 - share) + entry(tile.data, at) * share;
      }
    }
  }
}
