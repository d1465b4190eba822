import { emptyLane } from "../run-state.ts";
import { fileName, offer } from "../save.ts";
import type { HistoryEntry } from "./history-store.ts";

/** Saves the pictures of all entries as one ZIP file. */
export async function saveAll(entries: readonly HistoryEntry[]): Promise<void> {
  const { zipSync } = await import("fflate");
  const files: Record<string, Uint8Array> = {};
  for (const [i, { form, name, original, accelerated }] of entries.entries()) {
    const lanes = [emptyLane("Original"), emptyLane(name)] as const;
    const number = String(entries.length - i).padStart(3, "0");
    files[`${number}-${fileName({ form, lanes }, 0)}`] = new Uint8Array(await original.arrayBuffer());
    files[`${number}-${fileName({ form, lanes }, 1)}`] = new Uint8Array(await accelerated.arrayBuffer());
  }
  const zipped = zipSync(files, { level: 0 }); // pictures are compressed already
  offer(new Blob([zipped as Uint8Array<ArrayBuffer>], { type: "application/zip" }), "deepcache-pictures.zip");
}
