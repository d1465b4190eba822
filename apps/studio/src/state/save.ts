import type { Pair } from "./run-state.ts";

/** Offers a file to the visitor. */
export function offer(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A name for the file of a run's picture. */
export function fileName({ form, lanes }: Pick<Pair, "form" | "lanes">, lane: 0 | 1): string {
  const words = form.prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ["picture"];
  const what = lane === 0 ? "original" : lanes[1].name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return `${words.slice(0, 8).join("-").slice(0, 60)}-${form.seed}-${what}.png`;
}

/** Saves a picture of a pair as it was made: its file carries how. */
export function savePicture(pair: Pair, lane: 0 | 1): void {
  const { image } = pair.lanes[lane];
  if (image !== undefined) offer(image, fileName(pair, lane));
}
