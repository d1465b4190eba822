import type { DownloadProgress } from "../hub-options.ts";

/** Follows the files of a download. */
export interface ProgressCounter {
  /** Notes how much of a file is there. */
  note(file: string, loaded: number, total: number | undefined): void;
}

/** Milliseconds over which a rate is measured. */
const WINDOW = 5000;
/** Milliseconds between two reports on a file that is not done. */
const PAUSE = 100;

/** Adds up files whose sizes are known, or show by and by, and tells how fast they come; what was there before is not counted as speed. */
export function progressCounter(
  name: string,
  files: readonly { readonly path: string; readonly size: number | undefined; readonly loaded: number }[],
  now: () => number,
  tell: (progress: DownloadProgress) => void,
): ProgressCounter {
  const states = new Map(files.map(({ path, size, loaded }) => [path, { loaded, size }]));
  const marks: { readonly at: number; readonly loaded: number }[] = [];
  let told = Number.NEGATIVE_INFINITY;
  const sum = (): { readonly loaded: number; readonly total: number | undefined } => {
    let [loaded, total]: [number, number | undefined] = [0, 0];
    for (const state of states.values()) {
      loaded += state.loaded;
      total = total === undefined || state.size === undefined ? undefined : total + state.size;
    }
    return { loaded, total };
  };
  return {
    note(file, fileLoaded, fileTotal) {
      const at = now();
      if (marks.length === 0) marks.push({ at, loaded: sum().loaded });
      states.set(file, { loaded: fileLoaded, size: fileTotal ?? states.get(file)?.size });
      const isDone = fileLoaded === fileTotal;
      if (!isDone && at - told < PAUSE) return;
      told = at;
      const { loaded, total } = sum();
      const rate = rateOver(marks, at, loaded);
      const remaining = total === undefined || rate <= 0 ? undefined : (total - loaded) / rate;
      tell({ name, file, fileLoaded, fileTotal, loaded, total, rate, remaining });
    },
  };
}

/** Bytes a second since the oldest mark that still counts; a download that began anew has no speed below zero. */
function rateOver(marks: { at: number; loaded: number }[], at: number, loaded: number): number {
  marks.push({ at, loaded });
  while (marks.length > 2 && at - (marks[0]?.at ?? 0) > WINDOW) marks.shift();
  const [first] = marks;
  if (first === undefined || at <= first.at) return 0;
  return Math.max(0, (1000 * (loaded - first.loaded)) / (at - first.at));
}
