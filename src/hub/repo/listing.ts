import { quote } from "../../checkpoint/bytes/limits.ts";
import { isBelow } from "../../checkpoint/files/paths.ts";
import { isJsonObject, parseJson } from "../../checkpoint/text/json.ts";
import { type Checksum, checksumOf } from "../download/checksum.ts";
import { hubError, type Wanted } from "../errors.ts";
import { smallFile } from "../http/small-file.ts";
import type { Hub } from "../hub.ts";
import { isCommit, type RepoReference } from "../reference.ts";

/** A file of a repository, as its hub lists it. */
export interface ListedFile {
  readonly path: string;
  /** Undefined where a mirror leaves it out. */
  readonly size: number | undefined;
  readonly checksum: Checksum | undefined;
}

/** A repository at one commit. */
export interface Listing {
  readonly commit: string;
  readonly files: ReadonlyMap<string, ListedFile>;
}

/** What messages say of a repository. */
export function wantedRepo({ id, revision }: RepoReference, { settings, store }: Hub, file?: string): Wanted {
  const { endpoint, token } = settings;
  return {
    ...{ name: id, page: `${endpoint}/${id}`, revision, file },
    ...{ keyAdvice: store.advice.token, hasToken: token !== undefined },
  };
}

/** Asks the hub what a revision holds, by one request. */
export async function listRepo(reference: RepoReference, hub: Hub): Promise<Listing> {
  const { settings, effects, signal } = hub;
  const { endpoint, token, timeout } = settings;
  const revision = encodeURIComponent(reference.revision);
  const url = new URL(`${endpoint}/api/models/${reference.id}/revision/${revision}?blobs=true`);
  const wanted = wantedRepo(reference, hub);
  const { bytes } = await smallFile({ url, token, wanted, timeout, signal }, effects);
  const refuse = (reason: string): Error =>
    hubError("DOWNLOAD_FAILED", `Cannot read what ${url.host} says of "${reference.id}": ${reason}`);
  let json: unknown;
  try {
    json = parseJson(bytes, `"${url.host}"`);
  } catch (cause) {
    throw hubError("DOWNLOAD_FAILED", `Cannot read what ${url.host} says of "${reference.id}": it is not JSON`, cause);
  }
  if (!isJsonObject(json)) throw refuse("it is not an object");
  const { sha, siblings } = json;
  if (typeof sha !== "string" || !isCommit(sha)) throw refuse(`its commit is ${quote(sha)}`);
  if (!Array.isArray(siblings)) throw refuse("it lists no files");
  const files = siblings.flatMap((entry: unknown) => listedFile(entry) ?? []);
  return { commit: sha, files: new Map(files.map((file) => [file.path, file])) };
}

/** Paths that could leave the repository are none of its files. */
function listedFile(entry: unknown): ListedFile | undefined {
  if (!isJsonObject(entry)) return undefined;
  const { rfilename: path, size, blobId, lfs } = entry;
  if (typeof path !== "string" || !isBelow(path)) return undefined;
  const large = isJsonObject(lfs) ? lfs : {};
  const named = text(large["sha256"]) ?? text(large["oid"]) ?? text(blobId);
  return { path, size: count(large["size"]) ?? count(size), checksum: checksumOf(named) };
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const count = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

/** The address of a file at a commit. */
export const fileUrl = ({ id }: RepoReference, commit: string, path: string, { settings }: Hub): URL =>
  new URL(`${settings.endpoint}/${id}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`);

/** `file` with what its own headers say of it, where the list did not: mirrors leave sizes and digests out. */
export async function completed(
  file: ListedFile,
  reference: RepoReference,
  commit: string,
  hub: Hub,
): Promise<ListedFile> {
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
  const size = Number(headers.get("x-linked-size") ?? headers.get("content-length") ?? Number.NaN);
  if (checksum === undefined) {
    throw hubError(
      "DOWNLOAD_FAILED",
      `Cannot download "${file.path}" of "${reference.id}": ${url.host} does not say by which digest it is known`,
    );
  }
  return { path: file.path, size: Number.isSafeInteger(size) ? size : file.size, checksum };
}
