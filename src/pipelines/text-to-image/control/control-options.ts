import { type Preprocessing, preprocessor } from "../../../image/preprocess/preprocess.ts";
import type { RgbImage } from "../../../image/rgb-image.ts";
import type { ControlNetwork, Controls } from "../../../models/control/control-network.ts";
import type { Control } from "../../../systems/parts/control.ts";
import { requireNumber } from "../../run/requirements.ts";
import type { PixelSize } from "../picture-sizes.ts";

/** How a run is steered by pictures; lists have an entry for each control network of the model. */
export interface ControlOptions {
  /** What each control network looks at; stretched to the size of the images. */
  readonly controlImage?: RgbImage | readonly RgbImage[] | undefined;
  /** What is made of the picture first, once it has the size of the images: nothing where left out. */
  readonly controlPreprocess?: Preprocessing | readonly Preprocessing[] | undefined;
  /** How strongly it steers: 1 as it was trained, which is the default. */
  readonly controlScale?: number | readonly number[] | undefined;
  /** The share of the run after which it steers, 0 where left out. */
  readonly controlStart?: number | readonly number[] | undefined;
  /** The share of the run up to which it steers, 1 where left out. */
  readonly controlEnd?: number | readonly number[] | undefined;
  /** Whether ControlNets guess what the picture shows: for runs without much of a prompt. */
  readonly guessMode?: boolean | undefined;
}

/** Names of the options. */
export const CONTROL_OPTIONS = [
  "controlImage",
  "controlPreprocess",
  "controlScale",
  "controlStart",
  "controlEnd",
  "guessMode",
] as const satisfies readonly (keyof ControlOptions)[];

/** A control network with what a run asks of it. */
export interface SettledControl {
  readonly network: ControlNetwork;
  readonly image: RgbImage;
  /** What is made of the image once it has the size of the others. */
  readonly preprocessing: string;
  readonly scale: number;
  readonly start: number;
  readonly end: number;
}

/** All that steer a run. */
export interface SettledControls {
  readonly controls: readonly SettledControl[];
  readonly guess: boolean;
}

const listOf = <T extends object | number | string>(values: T | readonly T[] | undefined): readonly T[] =>
  values === undefined ? [] : Array.isArray(values) ? values : [values as T];

/** Refuses what the model's control networks cannot do, and pairs them with pictures. */
export function settleControls(options: ControlOptions, controls: readonly Control[] = []): SettledControls {
  const images = listOf(options.controlImage);
  if (controls.length === 0) {
    const orphan = CONTROL_OPTIONS.find((name) => options[name] !== undefined);
    if (orphan === undefined) return { controls: [], guess: false };
    throw new TypeError(`Cannot generate with ${orphan} but no ControlNet: open the model with one`);
  }
  if (images.length !== controls.length) {
    const networks = controls.length === 1 ? "1 control network" : `${controls.length} control networks`;
    throw new TypeError(
      `Cannot generate with ${images.length === 1 ? "1 control image" : `${images.length} control images`} and ${networks}: ` +
        "one image for each is required",
    );
  }
  const preprocessing = listOf<string>(options.controlPreprocess);
  requireOneOrEach("controlPreprocess", preprocessing, controls.length);
  const each = (name: "controlScale" | "controlStart" | "controlEnd", fallback: number): readonly number[] => {
    const values = listOf<number>(options[name]);
    requireOneOrEach(name, values, controls.length);
    return controls.map((_, i) => values[i] ?? values[0] ?? fallback);
  };
  const [scales, starts, ends] = [each("controlScale", 1), each("controlStart", 0), each("controlEnd", 1)];
  const settled = controls.map(({ network }, i): SettledControl => {
    const [image, scale = 1, start = 0, end = 1] = [images[i], scales[i], starts[i], ends[i]];
    if (image === undefined) throw new TypeError("A control network has no image");
    requireNumber("control scale", scale);
    if (!(start >= 0 && start < end && end <= 1)) {
      throw new RangeError(
        `Cannot generate with control from ${start} to ${end} of a run: a start from 0 and a later end up to 1 are required`,
      );
    }
    const own = preprocessing[i] ?? preprocessing[0] ?? "none";
    preprocessor(own); // which refuses what it does not know
    return { network, image, preprocessing: own, scale, start, end };
  });
  // A network that adds means alone was trained to guess, and the first one speaks for all, as in diffusers.
  const [first] = settled;
  const pooled = first?.network.kind === "controlnet" && first.network.config.pooled;
  return { controls: settled, guess: options.guessMode ?? pooled ?? false };
}

function requireOneOrEach(name: string, values: readonly unknown[], networks: number): void {
  if (values.length < 2 || values.length === networks) return;
  throw new TypeError(
    `Cannot generate with ${values.length} values of ${name} and ${networks} control networks: ` +
      "one value, or one for each, is required",
  );
}

/** The control networks as parts of a U-Net's graph. */
export function controlsOf({ controls, guess }: SettledControls, guided: boolean): Controls {
  const networks = controls.map(({ network }) => network);
  return guess ? { networks, guess: guided ? "prompted" : "all" } : { networks };
}

/** The size of the images where nobody says: that of the first picture, rounded down to what the model makes. */
export function controlledSize(options: ControlOptions, factor: number): Partial<PixelSize> {
  const [image] = listOf(options.controlImage);
  if (image === undefined) return {};
  const rounded = (side: number): number => Math.max(1, Math.floor(side / factor)) * factor;
  return { width: rounded(image.width), height: rounded(image.height) };
}
