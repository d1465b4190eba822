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
  const revision = encodeURIComponent(reference.revision);
  const { json, refuse } = await askAbout(reference, `revision/${revision}?blobs=true`, hub);
  if (!isJsonObject(json)) throw refuse("it is not an object");
  const { sha, siblings } = json;
  if (typeof sha !== "string" || !isCommit(sha)) throw refuse(`its commit is ${quote(sha)}`);
  if (!Array.isArray(siblings)) throw refuse("it lists no files");
  return { commit: sha, files: listedFiles(siblings) };
}

/** Asks the hub for the tree of a commit, which tells sizes and digests where its list does not. */
export async function listTree(reference: RepoReference, commit: string, hub: Hub): Promise<Listing> {
  const { json, refuse } = await askAbout(reference, `tree/${commit}?recursive=true`, hub);
  if (!Array.isArray(json)) throw refuse("its tree is not a list");
  return { commit, files: listedFiles(json) };
}

/** What the hub says of a repository, and the error for what of it is of no use. */
async function askAbout(
  reference: RepoReference,
  question: string,
  hub: Hub,
): Promise<{ readonly json: unknown; refuse(reason: string, cause?: unknown): Error }> {
  const { settings, effects, signal } = hub;
  const { endpoint, token, timeout } = settings;
  const url = new URL(`${endpoint}/api/models/${reference.id}/${question}`);
  const wanted = wantedRepo(reference, hub);
  const { bytes } = await smallFile({ url, token, wanted, timeout, signal }, effects);
  const refuse = (reason: string, cause?: unknown): Error =>
    hubError("DOWNLOAD_FAILED", `Cannot read what ${url.host} says of "${reference.id}": ${reason}`, cause);
  try {
    return { json: parseJson(bytes, `"${url.host}"`), refuse };
  } catch (cause) {
    throw refuse("it is not JSON", cause);
  }
}

const listedFiles = (entries: readonly unknown[]): ReadonlyMap<string, ListedFile> =>
  new Map(entries.flatMap((entry) => listedFile(entry) ?? []).map((file) => [file.path, file]));

/** Paths that could leave the repository are none of its files. */
function listedFile(entry: unknown): ListedFile | undefined {
  if (!isJsonObject(entry)) return undefined;
  const { rfilename, size, blobId, oid, lfs } = entry;
  const path = rfilename ?? entry["path"];
  if (typeof path !== "string" || !isBelow(path)) return undefined;
  const large = isJsonObject(lfs) ? lfs : {};
  const named = text(large["sha256"]) ?? text(large["oid"]) ?? text(blobId) ?? text(oid);
  return { path, size: count(large["size"]) ?? count(size), checksum: checksumOf(named) };
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const count = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

/** The address of a file at a commit. */
export const fileUrl = ({ id }: RepoReference, commit: string, path: string, { settings }: Hub): URL =>
  new URL(`${settings.endpoint}/${id}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`);
