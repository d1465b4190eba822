import { hubError } from "../errors.ts";
import { sizeText } from "../size-text.ts";
import type { HubStore } from "../store.ts";

/** Refuses to begin what there is no room for. */
export async function requireSpace(name: string, missing: number, store: HubStore): Promise<void> {
  const free = await store.freeBytes();
  if (free === undefined || missing <= free) return;
  throw hubError(
    "DOWNLOAD_FAILED",
    `Cannot download "${name}": ${sizeText(missing)} are missing and "${store.name}" has ${sizeText(free)} free; ${store.advice.room}`,
    new DOMException("There is not enough room", "QuotaExceededError"),
  );
}
