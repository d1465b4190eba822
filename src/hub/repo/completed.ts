import { DeepCacheError } from "../../errors/deepcache-error.ts";
import { checksumOf } from "../download/checksum.ts";
import { countIn, lengthOf } from "../download/content-range.ts";
import { hubError } from "../errors.ts";
import { smallFile } from "../http/small-file.ts";
import type { Hub } from "../hub.ts";
import type { RepoReference } from "../reference.ts";
import { fileUrl, type ListedFile, listTree, wantedRepo } from "./listing.ts";

/**
 * `files` with what their own headers say of them where the list did not, since mirrors leave sizes and digests out; and
 * with what the tree of the commit says where the headers do not, since browsers hide those of an answer that leads elsewhere.
 */
export async function completed(
  files: readonly ListedFile[],
  reference: RepoReference,
  commit: string,
  hub: Hub,
): Promise<readonly ListedFile[]> {
  const asked = await Promise.all(files.map((file) => headed(file, reference, commit, hub)));
  if (asked.every(({ checksum }) => checksum !== undefined)) return asked;
  const tree = await treeOf(reference, commit, hub);
  return asked.map((file) => {
    const found = file.checksum === undefined ? (tree.get(file.path) ?? file) : file;
    if (found.checksum !== undefined) return found;
    const { host } = new URL(hub.settings.endpoint);
    throw hubError(
      "DOWNLOAD_FAILED",
      `Cannot download "${file.path}" of "${reference.id}": ${host} does not say by which digest it is known`,
    );
  });
}

async function headed(file: ListedFile, reference: RepoReference, commit: string, hub: Hub): Promise<ListedFile> {
  if (file.checksum !== undefined && file.size !== undefined) return file;
  const { settings, effects, signal } = hub;
  const { token, timeout } = settings;
  const url = fileUrl(reference, commit, file.path, hub);
  const wanted = wantedRepo(reference, hub, file.path);
  const { headers } = await smallFile(
    { url, method: "HEAD", staysAtHome: true, token, wanted, timeout, signal },
    effects,
  );
  const checksum = checksumOf(headers.get("x-linked-etag") ?? headers.get("etag") ?? undefined);
  const linked = countIn(headers.get("x-linked-size"));
  // An answer that leads elsewhere has a length of its own.
  const size = linked ?? (headers.has("x-linked-etag") ? undefined : lengthOf({ headers }));
  return { path: file.path, size: size ?? file.size, checksum };
}

/** Not every mirror has trees. */
async function treeOf(reference: RepoReference, commit: string, hub: Hub): Promise<ReadonlyMap<string, ListedFile>> {
  try {
    return (await listTree(reference, commit, hub)).files;
  } catch (error) {
    if (error instanceof DeepCacheError && error.code === "MODEL_NOT_FOUND") return new Map();
    throw error;
  }
}
