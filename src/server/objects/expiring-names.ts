import type { ObjectStore } from "./object-store.ts";

/** A name in `folder` that nobody guesses, and that says until when its file is kept. */
export const expiringName = (folder: string, until: number, ending = ""): string =>
  `${folder}/${String(Math.ceil(until / 1000)).padStart(10, "0")}-${crypto.randomUUID()}${ending}`;

/** Whether the file of a name is kept no more; names that do not say are kept. */
export function isExpired(name: string, now: number): boolean {
  const [, until] = /^(?:.*\/)?(\d{10})-[^/]+$/.exec(name) ?? [];
  return until !== undefined && Number(until) * 1000 < now;
}

/** Removes the files of `folder` that are kept no more. */
export async function sweep(store: ObjectStore, folder: string, now: number): Promise<void> {
  while (true) {
    const expired = (await store.list(folder)).filter((name) => isExpired(name, now));
    if (expired.length === 0) return;
    for (const name of expired) await store.remove(name);
  }
}
