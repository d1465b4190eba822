import { distance } from "fastest-levenshtein";
import { entry } from "../../tensor/tensor.ts";
import { IMAGENET_LABELS } from "./labels.ts";

/** A class name or number that ImageNet's 1000 classes do not have, or that several of them share. */
export class ClassNameError extends RangeError {
  override readonly name = "ClassNameError";
}

/** Whether ImageNet has a class `id`. */
export const isImageNetClass = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < IMAGENET_LABELS.length;

/** The usual name of ImageNet's class `id`. */
export const className = (id: number): string => entry(entry(IMAGENET_LABELS, id), 0);

/** The id of the ImageNet class that `name` is a WordNet name of, whatever its case; ids stand for themselves. */
export function classNamed(name: string | number): number {
  const text = String(name);
  if (typeof name === "number" || /^\s*[-+]?\d+(\.\d+)?\s*$/.test(text)) return checkedId(Number(name), text);
  const wanted = words(text);
  const found = wanted === "" ? [] : idsWhere((label) => words(label) === wanted);
  const [id] = found;
  if (id === undefined) throw new ClassNameError(unknownName(text, wanted));
  if (found.length === 1) return id;
  // A missile is a projectile, but there is a class for missiles alone: a class's usual name comes before its others.
  const usual = found.filter((candidate) => words(className(candidate)) === wanted);
  // "cardigan" is a garment and "Cardigan" a dog; a crane is a bird and a machine under the very same name.
  const exact = usual.filter((candidate) => className(candidate) === text.trim());
  const chosen = exact.length === 1 ? exact : usual;
  if (chosen.length === 1) return entry(chosen, 0);
  throw new ClassNameError(
    `Cannot tell which ImageNet class "${text}" is: it names ${list(found)}; give the number instead`,
  );
}

function checkedId(id: number, text: string): number {
  if (isImageNetClass(id)) return id;
  throw new ClassNameError(
    `Cannot use ImageNet class ${text}: a whole number from 0 to ${IMAGENET_LABELS.length - 1} or a name is required`,
  );
}

const MOST_SUGGESTIONS = 6;

function unknownName(text: string, wanted: string): string {
  const near = wanted === "" ? [] : nearest(wanted);
  const advice = near.length === 0 ? "give a number from 0 to 999" : `near it are ${list(near)}`;
  return `Cannot find an ImageNet class called "${text}": ${advice}`;
}

/** Classes whose names hold all the words that are wanted, else those that are spelled most alike. */
function nearest(wanted: string): number[] {
  const parts = wanted.split(" ");
  const holding = idsWhere((label) => {
    const has = new Set(words(label).split(" "));
    return parts.every((part) => has.has(part));
  });
  if (holding.length > 0) return holding.slice(0, MOST_SUGGESTIONS);
  const distances = IMAGENET_LABELS.map((labels, id) => ({
    id,
    distance: Math.min(...labels.map((label) => distance(words(label), wanted))),
  }));
  const most = Math.max(1, Math.floor(wanted.length / 3));
  return distances
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, MOST_SUGGESTIONS)
    .map(({ id }) => id);
}

const idsWhere = (matches: (label: string) => boolean): number[] =>
  IMAGENET_LABELS.flatMap((labels, id) => (labels.some(matches) ? [id] : []));

const list = (ids: readonly number[]): string =>
  ids.map((id) => `${id} (${entry(IMAGENET_LABELS, id).join(", ")})`).join(", ");

const words = (text: string): string =>
  text
    .toLowerCase()
    .match(/[a-z0-9]+/g)
    ?.join(" ") ?? "";
