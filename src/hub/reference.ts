import { isBelow } from "../checkpoint/files/paths.ts";

/** A repository of models on a hub, or one file of it. */
export interface RepoReference {
  readonly kind: "repo";
  /** "org/name". */
  readonly id: string;
  /** A branch, a tag, a commit, or a request such as "refs/pr/1". */
  readonly revision: string;
  /** The file or folder that is meant; undefined where the repository as a whole is. */
  readonly path: string | undefined;
}

/** A file that lies anywhere else. */
export interface UrlReference {
  readonly kind: "url";
  readonly url: URL;
}

/** What lies elsewhere and has a name that says where. */
export type HubReference = RepoReference | UrlReference;

const DEFAULT_REVISION = "main";
/** Says that an id is meant where a path could be. */
const PREFIX = /^hf:(?:\/\/)?/;
const SAFE_NAME = "[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?";
const ID = new RegExp(`^(${SAFE_NAME}/${SAFE_NAME})(?:/([^@]*))?(?:@(.+))?$`);
/** What files of weights end with. */
const WEIGHT_FILE = /\.(?:safetensors|ckpt|pt|pth|bin)$/i;

/** Whether a path names a file of weights. */
export const isWeightFile = (path: string): boolean => WEIGHT_FILE.test(path);

/** Hosts whose pages name a repository by their path. */
const HUB_HOSTS: readonly string[] = ["huggingface.co", "www.huggingface.co", "hf.co"];

/**
 * Reads `org/name`, `org/name@revision`, `org/name/file.safetensors@revision` or an address; undefined where `text` is none of
 * them, so that it can only be a path. What is plainly a file's path is none: `models/a.safetensors`. Behind `hf:` everything
 * is taken for an id. `endpoint` is the hub's address, whose pages name repositories as well.
 */
export function hubReference(text: string, endpoint?: string): HubReference | undefined {
  if (/^https?:\/\//i.test(text)) return urlReference(text, endpoint);
  const [, id, path, revision = DEFAULT_REVISION] = ID.exec(text.replace(PREFIX, "")) ?? [];
  if (id === undefined || !isSafeId(id) || !isBelow(revision)) return undefined;
  if (path !== undefined && !isBelow(path)) return undefined;
  const isPlain = PREFIX.test(text) || (path === undefined ? !WEIGHT_FILE.test(id) : WEIGHT_FILE.test(path));
  return isPlain ? { kind: "repo", id, revision, path } : undefined;
}

/** Whether `text` says that it is no path. */
export const isExplicit = (text: string): boolean => PREFIX.test(text) || /^https?:\/\//i.test(text);

/** What messages call a reference; tokens within an address stay out of them. */
export function referenceName(reference: HubReference): string {
  if (reference.kind === "url") return publicUrl(reference.url);
  const { id, path, revision } = reference;
  const prefix = path === undefined || WEIGHT_FILE.test(path) ? "" : "hf:"; // as it would have to be asked for
  return `${prefix}${id}${path === undefined ? "" : `/${path}`}${revision === DEFAULT_REVISION ? "" : `@${revision}`}`;
}

/** An address without what is secret in it: what follows the path may be a key or a signature. */
export const publicUrl = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

/** Whether a revision can be nothing but a commit, which never changes. */
export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

const isSafeId = (id: string): boolean =>
  id.split("/").every((name) => name.length <= 96 && !name.includes("--") && !name.includes(".."));

function urlReference(text: string, endpoint: string | undefined): HubReference | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isHub = HUB_HOSTS.includes(url.hostname) || (endpoint !== undefined && url.origin === new URL(endpoint).origin);
  return (isHub ? pageReference(url) : undefined) ?? { kind: "url", url };
}

/** `/org/name`, `/org/name/tree/revision`, `/org/name/resolve/revision/file` and `/blob/` and `/raw/` of it. */
function pageReference({ pathname }: URL): RepoReference | undefined {
  const [org = "", name = "", view, revision = DEFAULT_REVISION, ...path] = pathname
    .split("/")
    .filter((part) => part !== "")
    .map(decoded);
  const id = `${org}/${name}`;
  if (!ID.test(id) || !isSafeId(id) || !isBelow(revision)) return undefined;
  if (view !== undefined && !["tree", "resolve", "blob", "raw"].includes(view)) return undefined;
  if (path.length > 0 && !isBelow(path.join("/"))) return undefined;
  return { kind: "repo", id, revision, path: path.length === 0 ? undefined : path.join("/") };
}

/** A part of a path without its percent signs, as "refs%2Fpr%2F1" has them; as it is where they do not make sense. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
