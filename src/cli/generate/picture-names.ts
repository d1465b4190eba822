import { extname } from "node:path";
import { UsageError } from "../flags/usage.ts";

/** What the name of an image's file may be made of. */
export interface NamedImage {
  /** Counted from 0. */
  readonly index: number;
  readonly seed: number;
  readonly prompt: string;
}

/** What a pattern may name, with what stands there. */
const PLACEHOLDERS: Readonly<Record<string, (image: NamedImage, images: number) => string>> = {
  index: ({ index }, images) => String(index + 1).padStart(String(images).length, "0"),
  seed: ({ seed }) => String(seed),
  prompt: ({ prompt }) => slug(prompt),
};

/** How patterns are written, for help texts and refusals. */
export const PLACEHOLDER_NAMES = Object.keys(PLACEHOLDERS).map((name) => `{${name}}`);

const PLACEHOLDER = /\{([^{}]*)\}/g;

/** Refuses a pattern that names what images do not have. */
export function checkPattern(pattern: string): void {
  for (const [text, name = ""] of pattern.matchAll(PLACEHOLDER)) {
    if (Object.hasOwn(PLACEHOLDERS, name)) continue;
    throw new UsageError(`Cannot use ${text} in --output "${pattern}": allowed are ${PLACEHOLDER_NAMES.join(", ")}`);
  }
}

/** The name of one of `images` images; where the pattern does not tell them apart, `out.png` becomes `out-1.png` and so on. */
export function pictureName(pattern: string, image: NamedImage, images: number): string {
  if (!isPattern(pattern)) return images === 1 ? pattern : withSuffix(pattern, image.index + 1);
  return pattern.replaceAll(PLACEHOLDER, (text, name: string) => PLACEHOLDERS[name]?.(image, images) ?? text);
}

/** Whether a name differs from image to image by itself. */
export const isPattern = (pattern: string): boolean => pattern.match(PLACEHOLDER) !== null;

/** `out-2.png` for `out.png`. */
export function withSuffix(path: string, suffix: number | string): string {
  const extension = extname(path);
  return `${path.slice(0, path.length - extension.length)}-${suffix}${extension}`;
}

/** Letters of a prompt in a name; names of files have 255 bytes, and a letter up to four. */
const MOST_LETTERS = 50;

/** "A fox, on teal!" as `a-fox-on-teal`. */
function slug(prompt: string): string {
  const words = prompt
    .normalize("NFC")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}]+/gu, "-");
  const trimmed = [...words.replace(/^-/, "")].slice(0, MOST_LETTERS).join("").replace(/-$/, "");
  return trimmed === "" ? "untitled" : trimmed;
}
