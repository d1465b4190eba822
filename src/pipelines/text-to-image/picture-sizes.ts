import type { RunMode } from "../../systems/published-defaults.ts";

/** In pixels. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** Where a crop begins, in pixels. */
export interface Corner {
  readonly top: number;
  readonly left: number;
}

/**
 * What SDXL is told of the picture that it should imagine, and of the one that it should not; names and defaults as in
 * diffusers.
 */
export interface PictureSizes {
  /** Of the picture before it was scaled down for training; the image's own where left out. */
  readonly originalSize?: PixelSize | undefined;
  /** Where its crop begins; the corner where left out. */
  readonly cropsCoordsTopLeft?: Corner | undefined;
  /** Of the crop; the image's own where left out. */
  readonly targetSize?: PixelSize | undefined;
  /** The same for the side that guidance leads away from; what it is told of the other side where left out. */
  readonly negativeOriginalSize?: PixelSize | undefined;
  readonly negativeCropsCoordsTopLeft?: Corner | undefined;
  readonly negativeTargetSize?: PixelSize | undefined;
}

/** Six numbers for either side of guidance. */
export interface SettledSizes {
  readonly positive: readonly number[];
  readonly negative: readonly number[];
  /** Whether any were given. */
  readonly asked: boolean;
  readonly warnings: readonly string[];
}

/**
 * The numbers that `sizes` come to. As in diffusers, a run from words alone takes the negative sizes where both are
 * given, and one from a picture takes each, but has no negative crop.
 */
export function settleSizes(sizes: PictureSizes, { width, height }: PixelSize, mode: RunMode): SettledSizes {
  for (const [name, value] of Object.entries(sizes)) requireNumbers(name, value);
  const { originalSize = { width, height }, cropsCoordsTopLeft = CORNER, targetSize = { width, height } } = sizes;
  const { negativeOriginalSize, negativeCropsCoordsTopLeft, negativeTargetSize } = sizes;
  const positive = numbersOf(originalSize, cropsCoordsTopLeft, targetSize);
  const asked = Object.values(sizes).some((size) => size !== undefined);
  if (mode === "text") {
    if (negativeOriginalSize === undefined || negativeTargetSize === undefined) {
      const ignored = negativeOriginalSize ?? negativeTargetSize ?? negativeCropsCoordsTopLeft;
      const warnings = ignored === undefined ? [] : [NEEDS_BOTH];
      return { positive, negative: positive, asked, warnings };
    }
    const negative = numbersOf(negativeOriginalSize, negativeCropsCoordsTopLeft ?? CORNER, negativeTargetSize);
    return { positive, negative, asked, warnings: [] };
  }
  return {
    positive,
    asked,
    negative: numbersOf(negativeOriginalSize ?? originalSize, cropsCoordsTopLeft, negativeTargetSize ?? targetSize),
    warnings: negativeCropsCoordsTopLeft === undefined ? [] : [NO_NEGATIVE_CROP],
  };
}

/** How beautiful a refiner is told that the picture is, and that the one that it should not be is; as in diffusers. */
const BEAUTY = { positive: 6, negative: 2.5 } as const;

/** What a refiner is told: five numbers for either side of guidance. */
export function refinerSizes(
  sizes: PictureSizes,
  { width, height }: PixelSize,
): Pick<SettledSizes, "positive" | "negative"> {
  const { originalSize = { width, height }, cropsCoordsTopLeft = CORNER } = sizes;
  const { negativeOriginalSize = originalSize, negativeCropsCoordsTopLeft = CORNER } = sizes;
  const told = (original: PixelSize, crop: Corner, beauty: number): number[] => [
    ...[original.height, original.width, crop.top, crop.left],
    beauty,
  ];
  return {
    positive: told(originalSize, cropsCoordsTopLeft, BEAUTY.positive),
    negative: told(negativeOriginalSize, negativeCropsCoordsTopLeft, BEAUTY.negative),
  };
}

const CORNER: Corner = { top: 0, left: 0 };

const NEEDS_BOTH =
  "Negative sizes change nothing unless both negativeOriginalSize and negativeTargetSize are given, as in diffusers";
const NO_NEGATIVE_CROP = "negativeCropsCoordsTopLeft changes nothing in a run from a picture, as in diffusers";

/** What the U-Net is told, heights first. */
const numbersOf = (original: PixelSize, crop: Corner, target: PixelSize): number[] => [
  original.height,
  original.width,
  crop.top,
  crop.left,
  target.height,
  target.width,
];

function requireNumbers(name: string, value: object | undefined): void {
  if (value === undefined) return;
  const isCorner = /crops/i.test(name);
  const required = isCorner ? ["top", "left"] : ["width", "height"];
  const found = new Map<string, unknown>(Object.entries(value ?? {}));
  const isFit = (number: unknown): boolean => Number.isFinite(number) && (isCorner || Number(number) > 0);
  if (required.every((key) => isFit(found.get(key)))) return;
  throw new RangeError(
    `Cannot generate with ${name} ${String(JSON.stringify(value)).slice(0, 100)}: ` +
      `${isCorner ? "" : "positive "}numbers as ${required.join(" and ")} are required`,
  );
}
