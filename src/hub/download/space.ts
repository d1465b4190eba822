import { hubError } from "../errors.ts";
import type { HubStore } from "../store.ts";

/** Refuses to begin what the disk has no room for. */
export async function requireSpace(name: string, missing: number, store: HubStore): Promise<void> {
  const free = await store.freeBytes();
  if (free === undefined || missing <= free) return;
  throw hubError(
    "DOWNLOAD_FAILED",
    `Cannot download "${name}": ${sizeText(missing)} are missing and "${store.name}" has ${sizeText(free)} free; ` +
      "HF_HUB_CACHE names another folder, deepcache models removes what is not needed",
  );
}

/** 3.97 GB, as disks and hubs count. */
export function sizeText(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}
