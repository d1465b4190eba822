/** What a measure looks at: an image beside the baseline's, an image with its prompt, or all images of a policy. */
export type MeasureScope = "pair" | "image" | "set";

/** What has to be at hand for a measure, beside the images; `reference` are statistics at least. */
export type Need = "clip" | "features" | "inception" | "lpips" | "reference" | "referenceImages";

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

/** Of the features that FID's network sees in all images. */
const inception = { scope: "set", needs: ["inception"], unit: "" } as const;

/** What precision and recall take: statistics of a reference say nothing of its neighbourhoods. */
const NEIGHBOURS = ["inception", "referenceImages"] as const;

/** All measures by the names that they are asked for by. */
export const MEASURES = {
  psnr: { ...pair, label: "PSNR", unit: "dB", better: "higher", digits: 1 },
  ssim: { ...pair, label: "SSIM", unit: "", better: "higher", digits: 3 },
  lpips: { ...pair, needs: ["lpips"], label: "LPIPS", unit: "", better: "lower", digits: 4 },
  clip: { scope: "image", needs: ["clip"], label: "CLIP score", unit: "", better: "higher", digits: 2 },
  noun: { ...share, label: "noun right" },
  colour: { ...share, label: "colour right" },
  accuracy: { ...share, label: "both right" },
  fid: { ...inception, needs: ["inception", "reference"], label: "FID", better: "lower", digits: 2 },
  sfid: { ...inception, needs: ["inception", "reference"], label: "sFID", better: "lower", digits: 2 },
  is: { ...inception, label: "Inception score", better: "higher", digits: 2 },
  precision: { ...inception, needs: NEIGHBOURS, label: "precision", better: "higher", digits: 3 },
  recall: { ...inception, needs: NEIGHBOURS, label: "recall", better: "higher", digits: 3 },
  fd: { scope: "set", needs: ["features"], label: "Fréchet distance", unit: "", better: "lower", digits: 2 },
} as const satisfies Readonly<Record<string, Measure>>;

export type MeasureName = keyof typeof MEASURES;

/** All names, in the order in which reports show them. */
export const MEASURE_NAMES = Object.keys(MEASURES) as readonly MeasureName[];

/** Whether there is a measure called `name`. */
export const isMeasureName = (name: string): name is MeasureName => Object.hasOwn(MEASURES, name);

/** The measure called `name`. */
export const measureNamed = (name: MeasureName): Measure => MEASURES[name];
