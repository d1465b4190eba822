import type { Command } from "commander";
import { PREPROCESSING_SYNTAX, type Preprocessing, preprocessor } from "../../image/preprocess/preprocess.ts";
import { readImageInput } from "../../image/read-image.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import type { ControlOptions } from "../../pipelines/text-to-image/control/control-options.ts";
import { parseNumber, UsageError } from "./usage.ts";

/** What steers images by pictures; lists have an entry for each network. */
export interface ControlFlags {
  readonly controlnet?: readonly string[];
  readonly controlImage?: readonly string[];
  readonly controlPreprocess?: readonly Preprocessing[];
  readonly controlScale?: readonly number[];
  readonly controlStart?: readonly number[];
  readonly controlEnd?: readonly number[];
  readonly guessMode?: boolean;
}

const texts = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
const numbers =
  (flag: string) =>
  (text: string, before: readonly number[] = []): readonly number[] => [
    ...before,
    ...text.split(",").map((item) => parseNumber(flag, item.trim())),
  ];

const preprocessings = (text: string, before: readonly Preprocessing[] = []): readonly Preprocessing[] => {
  const all = text.split(",").map((item) => item.trim());
  for (const item of all) preprocessor(item); // which refuses what it does not know
  return [...before, ...(all as Preprocessing[])];
};

/** Adds the flags by which pictures steer images. */
export function addControlFlags(command: Command): Command {
  return command
    .optionsGroup("Control:")
    .option(
      "--controlnet <path>",
      "steer by this ControlNet or T2I-Adapter, a folder, a file or an id; may be repeated",
      texts,
    )
    .option("--control-image <picture>", "what it looks at, stretched to the size of the images; one for each", texts)
    .option(
      "--control-preprocess <how>",
      `what is made of the picture first: ${PREPROCESSING_SYNTAX}; one, or one for each`,
      preprocessings,
    )
    .option(
      "--control-scale <x>",
      "how strongly it steers; one number, or one for each (default: 1)",
      numbers("--control-scale"),
    )
    .option(
      "--control-start <x>",
      "the share of the run after which it steers (default: 0)",
      numbers("--control-start"),
    )
    .option("--control-end <x>", "the share of the run up to which it steers (default: 1)", numbers("--control-end"))
    .option("--guess-mode", "let ControlNets guess what the picture shows, for runs without much of a prompt");
}

/** Flags of a run that is steered. */
export const CONTROL_FLAGS = [
  "controlnet",
  "controlImage",
  "controlPreprocess",
  "controlScale",
  "controlStart",
  "controlEnd",
  "guessMode",
] as const satisfies readonly (keyof ControlFlags)[];

/** The pictures that steer, and how; refuses pictures without networks and networks without pictures. */
export async function controlsAsked(flags: ControlFlags, signal: AbortSignal): Promise<ControlOptions> {
  const {
    controlnet = [],
    controlImage = [],
    controlPreprocess,
    controlScale,
    controlStart,
    controlEnd,
    guessMode,
  } = flags;
  if (controlnet.length !== controlImage.length) {
    throw new UsageError(
      `Cannot use --controlnet ${times(controlnet)} with --control-image ${times(controlImage)}: ` +
        "one picture for each network is required",
    );
  }
  const orphan = CONTROL_FLAGS.find((name) => flags[name] !== undefined);
  if (controlnet.length === 0) {
    if (orphan === undefined) return {};
    const flag = orphan.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new UsageError(`Cannot use --${flag} without --controlnet`);
  }
  for (const [flag, values = []] of [
    ["--control-preprocess", controlPreprocess],
    ["--control-scale", controlScale],
    ["--control-start", controlStart],
    ["--control-end", controlEnd],
  ] as const) {
    if (values.length < 2 || values.length === controlnet.length) continue;
    throw new UsageError(
      `Cannot use ${values.length} values of ${flag} with ${controlnet.length} control networks: one value, or one for each, is required`,
    );
  }
  const pictures: RgbImage[] = [];
  for (const path of controlImage) pictures.push(await readImageInput(path, { what: "the control image", signal }));
  return { controlImage: pictures, controlPreprocess, controlScale, controlStart, controlEnd, guessMode };
}

const TIMES = ["not at all", "once", "twice"] as const;
const times = ({ length }: readonly unknown[]): string => TIMES[length] ?? `${length} times`;
