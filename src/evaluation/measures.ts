/** What a measure looks at: an image beside the baseline's, an image with its prompt, or all images of a policy. */
export type MeasureScope = "pair" | "image" | "set";

/** What has to be at hand for a measure, beside the images. */
export type Need = "clip" | "features";

/** One number that says how good images are. */
export interface Measure {
  /** For tables. */
  readonly label: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** Decimals worth printing. */
  readonly digits: number;
  readonly scope: MeasureScope;
  readonly needs: readonly Need[];
  /** Whether an image has 0 or 1: the worst of them say nothing. */
  readonly isShare?: true;
}

const pair = { scope: "pair", needs: [] } as const;

/** Of images that show what their prompts name. */
const share = { scope: "image", needs: ["features"], unit: "", better: "higher", digits: 3, isShare: true } as const;

/** All measures by the names that they are asked for by. */
export const MEASURES = {
  psnr: { ...pair, label: "PSNR", unit: "dB", better: "higher", digits: 1 },
  ssim: { ...pair, label: "SSIM", unit: "", better: "higher", digits: 3 },
  clip: { scope: "image", needs: ["clip"], label: "CLIP score", unit: "", better: "higher", digits: 2 },
  noun: { ...share, label: "noun right" },
  colour: { ...share, label: "colour right" },
  accuracy: { ...share, label: "both right" },
  fd: { scope: "set", needs: ["features"], label: "Fréchet distance", unit: "", better: "lower", digits: 3 },
} as const satisfies Readonly<Record<string, Measure>>;

export type MeasureName = keyof typeof MEASURES;

/** All names, in the order in which reports show them. */
export const MEASURE_NAMES = Object.keys(MEASURES) as readonly MeasureName[];

/** Whether there is a measure called `name`. */
export const isMeasureName = (name: string): name is MeasureName => Object.hasOwn(MEASURES, name);

/** The measure called `name`. */
export const measureNamed = (name: MeasureName): Measure => MEASURES[name];
