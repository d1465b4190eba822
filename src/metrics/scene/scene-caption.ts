import type { SceneNetworkConfig } from "../../models/judges/scene-network.ts";

/** The things and colours that a scene network tells apart. */
export type SceneLabels = Pick<SceneNetworkConfig, "nouns" | "colours">;

/** What a scene network takes an image for. */
export interface SceneReading {
  readonly noun: string;
  readonly colour: string;
}

/** What a prompt asks for; undefined where it names none of the known words, or several. */
export interface SceneCaption {
  readonly noun: string | undefined;
  readonly colour: string | undefined;
}

/** 1 for right, 0 for wrong, undefined where the prompt asks for nothing that could be judged. */
export type Verdict = 0 | 1 | undefined;

/** Whether an image shows the thing that its prompt names, on the colour that it names. */
export interface CaptionVerdict {
  readonly noun: Verdict;
  readonly colour: Verdict;
  readonly both: Verdict;
}

const SPELLINGS: Readonly<Record<string, string>> = { grey: "gray", donut: "doughnut" };

/**
 * The thing and the backdrop's colour that a prompt such as "a fox on a teal background" names, as whole words in any
 * case. A colour right before "background" is the backdrop's; other colours count only where none stands there.
 */
export function parseCaption(prompt: string, { nouns, colours }: SceneLabels): SceneCaption {
  const words = (
    prompt
      .normalize("NFC")
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu) ?? []
  ).map((word) => (Object.hasOwn(SPELLINGS, word) ? SPELLINGS[word]! : word));
  const backdrops = words.filter((word, i) => words[i + 1] === "background" && colours.includes(word));
  return {
    noun: single(words.filter((word) => nouns.includes(word))),
    colour: single(backdrops.length > 0 ? backdrops : words.filter((word) => colours.includes(word))),
  };
}

function single(words: readonly string[]): string | undefined {
  const [word, ...others] = new Set(words);
  return others.length === 0 ? word : undefined;
}

/** Judges what an image was taken for by its prompt. */
export function captionAccuracy(prompt: string, reading: SceneReading, labels: SceneLabels): CaptionVerdict {
  const asked = parseCaption(prompt, labels);
  const noun = verdict(asked.noun, reading.noun);
  const colour = verdict(asked.colour, reading.colour);
  return {
    noun,
    colour,
    both: noun === undefined || colour === undefined ? undefined : noun === 1 && colour === 1 ? 1 : 0,
  };
}

const verdict = (asked: string | undefined, read: string): Verdict =>
  asked === undefined ? undefined : asked === read ? 1 : 0;
