import { quote } from "../../checkpoint/bytes/limits.ts";
import type { Preprocessing } from "../../image/preprocess/preprocess.ts";
import { GUESSING } from "../../pipelines/image-parameters.ts";
import type { ControlFlags } from "../flags/control-flags.ts";
import { UsageError } from "../flags/usage.ts";

/** What a picture's text says of a network that steered it. */
export interface LikedControl {
  readonly name: string;
  readonly preprocessing: string;
  readonly scale: number;
  readonly start: number;
  readonly end: number;
  readonly guess: boolean;
}

/** The control networks in the settings of a picture's text, in order. */
export function likedControls(
  settings: Readonly<Record<string, string | number>>,
  path: string,
): readonly LikedControl[] {
  const found: LikedControl[] = [];
  for (let text = settings["ControlNet 0"]; text !== undefined; text = settings[`ControlNet ${found.length}`]) {
    const fields = fieldsOf(String(text));
    const number = (name: string, fallback: number): number => {
      const field = fields.get(name);
      const value = field === undefined ? fallback : field.trim() === "" ? Number.NaN : Number(field);
      if (Number.isFinite(value)) return value;
      const which = `"${name}" of "ControlNet ${found.length}"`;
      throw new UsageError(`Cannot repeat "${path}": its ${which} is ${quote(String(field))}, a number is required`);
    };
    found.push({
      name: fields.get("Model") ?? "",
      preprocessing: fields.get("Module") ?? "none",
      scale: number("Weight", 1),
      start: number("Guidance Start", 0),
      end: number("Guidance End", 1),
      guess: fields.get("Control Mode") === GUESSING,
    });
  }
  return found;
}

/** "Module: canny, Model: lines" by name. */
const fieldsOf = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split(", ").flatMap((field): [string, string][] => {
      const end = field.indexOf(": ");
      return end < 0 ? [] : [[field.slice(0, end), field.slice(end + 2)]];
    }),
  );

/** Other programs name preprocessors that are not ours: their pictures were made before. */
const asPreprocessing = (text: string): Preprocessing => (/^canny(:|$)/.test(text) ? (text as Preprocessing) : "none");

/** The flags that ask for the same again; pictures and networks are not in the text. */
export const controlFlagsOf = (controls: readonly LikedControl[]): ControlFlags =>
  controls.length === 0
    ? {}
    : {
        controlPreprocess: controls.map(({ preprocessing }) => asPreprocessing(preprocessing)),
        controlScale: controls.map(({ scale }) => scale),
        controlStart: controls.map(({ start }) => start),
        controlEnd: controls.map(({ end }) => end),
        ...(controls.some(({ guess }) => guess) ? { guessMode: true } : {}),
      };
