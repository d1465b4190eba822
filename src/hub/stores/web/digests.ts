import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Digest, DigestKind } from "../../store.ts";

const HASHES = { sha1, sha256 } as const;

/** A digest in JavaScript: browsers compute those of whole buffers alone. */
export function webDigest(kind: DigestKind): Digest {
  const hash = HASHES[kind].create();
  return { update: (bytes) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) };
}
