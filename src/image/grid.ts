import { dotAt, GLYPH } from "./font.ts";
import { paste, plainImage, type RgbImage } from "./rgb-image.ts";

/** Pictures side by side, with a line of text above them. */
export interface GridRow {
  readonly label?: string;
  readonly images: readonly RgbImage[];
}

/** How a grid is laid out. */
export interface GridOptions {
  /** Pixels around and between pictures. */
  readonly margin?: number;
  /** Pixels per dot of the labels' font; by default it grows with the pictures. Long labels are drawn smaller. */
  readonly labelScale?: number;
}

/** One picture of `rows`, from top to bottom, on white. Rows may differ in length, and pictures in size. */
export function drawGrid(rows: readonly GridRow[], { margin = 8, labelScale }: GridOptions = {}): RgbImage {
  const images = rows.flatMap((row) => row.images);
  if (images.length === 0) throw new RangeError("Cannot draw a grid without images");
  const scale = labelScale ?? clamp(Math.round(Math.max(...images.map(({ height }) => height)) / 160), 1, 4);
  const picturesWidth = Math.max(...rows.map((row) => rowWidth(row, margin)));
  const laidOut = rows.map((row) => ({ ...row, scale: fittingScale(row.label, scale, picturesWidth) }));
  const labelsWidth = Math.max(...laidOut.map(({ label, scale }) => textWidth(label) * scale));
  const width = Math.max(picturesWidth, labelsWidth) + 2 * margin;
  const height = laidOut.reduce((total, row) => total + labelHeight(row, margin) + rowHeight(row) + margin, margin);
  const canvas = plainImage(width, height);
  let top = margin;
  for (const row of laidOut) {
    if (row.label) drawText(canvas, row.label, { left: margin, top, scale: row.scale });
    top += labelHeight(row, margin);
    let left = margin;
    for (const image of row.images) {
      paste(canvas, image, left, top);
      left += image.width + margin;
    }
    top += rowHeight(row) + margin;
  }
  return canvas;
}

const clamp = (value: number, least: number, most: number): number => Math.min(Math.max(value, least), most);

const rowWidth = ({ images }: GridRow, margin: number): number =>
  images.reduce((total, image) => total + image.width + margin, -margin);

const rowHeight = ({ images }: GridRow): number => Math.max(0, ...images.map(({ height }) => height));

const labelHeight = ({ label, scale }: GridRow & { scale: number }, margin: number): number =>
  label ? GLYPH.height * scale + Math.ceil(margin / 2) : 0;

/** In dots, with one empty column between glyphs. */
const textWidth = (text = ""): number => Math.max(0, [...text].length * (GLYPH.width + 1) - 1);

const fittingScale = (label: string | undefined, scale: number, width: number): number =>
  label ? clamp(Math.floor(width / textWidth(label)), 1, scale) : scale;

/** Draws one line of black text. */
function drawText(
  canvas: RgbImage,
  text: string,
  { left, top, scale }: { left: number; top: number; scale: number },
): void {
  const dot = plainImage(scale, scale, 0);
  for (const [index, character] of [...text].entries()) {
    for (let x = 0; x < GLYPH.width; x++) {
      for (let y = 0; y < GLYPH.height; y++) {
        const column = index * (GLYPH.width + 1) + x;
        if (dotAt(character, x, y)) paste(canvas, dot, left + column * scale, top + y * scale);
      }
    }
  }
}
