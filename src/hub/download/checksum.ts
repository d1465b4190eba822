import type { Digest, HubStore } from "../store.ts";

/** How a file is known to be whole: by the digest of its bytes, or of a git object that holds them. */
export interface Checksum {
  readonly kind: "sha256" | "git";
  /** In hexadecimal digits. */
  readonly value: string;
}

/** The digest that a file of `size` bytes is held to; sha256 where nothing is known of it. */
export function digestFor(store: HubStore, checksum: Checksum | undefined, size: number | undefined): Digest {
  if (checksum?.kind !== "git") return store.digest("sha256");
  const digest = store.digest("sha1");
  digest.update(new TextEncoder().encode(`blob ${size ?? 0}\0`));
  return digest;
}

/** The checksum that a hub names a file by: sha256 of large files, git's own of small ones; undefined of anything else. */
export function checksumOf(etag: string | undefined): Checksum | undefined {
  const value = etag?.replace(/^W\//, "").replaceAll('"', "").toLowerCase() ?? "";
  if (/^[0-9a-f]{64}$/.test(value)) return { kind: "sha256", value };
  return /^[0-9a-f]{40}$/.test(value) ? { kind: "git", value } : undefined;
}
