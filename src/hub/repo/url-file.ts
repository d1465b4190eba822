import type { Files } from "../../checkpoint/files.ts";
import { safeName } from "../download/content-range.ts";
import { downloadAll } from "../download/download-all.ts";
import { hubError } from "../errors.ts";
import type { Hub } from "../hub.ts";
import { publicUrl } from "../reference.ts";
import type { HubStore } from "../store.ts";

/** A file in the cache. */
export interface KeptFile {
  readonly files: Files;
  readonly path: string;
}

/** A file at an address of its own, which the cache keeps as a repository of one file. */
export interface UrlFile {
  /** The file in the cache; undefined where it is not there. */
  cached(): Promise<KeptFile | undefined>;
  download(): Promise<KeptFile>;
}

/** Hosts that take a key of their own. */
const CIVITAI: readonly string[] = ["civitai.com", "www.civitai.com"];
/** What of an address is a key, or changes from day to day, and so does not tell files apart. */
const SECRET = /token|secret|signature|^sig$|api_?key|^key$|credential|expires|^x-amz-|^x-goog-/i;
/** The revision under which the cache has it. */
export const URL_REVISION = "main";

/** The file that lies at `url`. */
export function urlFile(url: URL, hub: Hub): UrlFile {
  const { store, settings, effects, signal, onProgress } = hub;
  const name = publicUrl(url);
  const identity = identityOf(url, store);
  const repo = store.repo(urlFolder(url, store));
  const isCivitai = CIVITAI.includes(url.hostname) && url.protocol === "https:";
  const token = isCivitai ? settings.civitaiToken : undefined;
  const wanted = {
    ...{ name, page: name, hasToken: token !== undefined },
    keyAdvice: isCivitai ? "give a key of your account, by CIVITAI_API_TOKEN" : undefined,
  };
  const cached = async (): Promise<KeptFile | undefined> => {
    const commit = await repo.commitOf(URL_REVISION);
    const files = commit === undefined ? undefined : await repo.snapshot(commit, name);
    return files && (await onlyFile(files));
  };
  return {
    cached,
    async download() {
      const key = `url-${identity}`;
      // The digest is not known before, so that another process may have been waited for that has downloaded it.
      await using _ = await repo.lock(`${key}-whole`, signal);
      const there = await cached();
      if (there !== undefined) return there;
      const asked = { path: nameIn(url) ?? "file", url, token, wanted, key, refusesPages: true };
      const files = [{ ...asked, size: undefined, checksum: undefined }];
      const blobs = await downloadAll(
        { name, repo, files },
        { store, effects, signal, onProgress, timeout: settings.timeout },
      );
      const { blob, fileName } = blobs.get(asked.path) ?? { blob: "", fileName: undefined };
      const commit = blob.slice(0, 40);
      await repo.link(commit, fileName ?? asked.path, blob);
      await repo.setCommit(URL_REVISION, commit);
      const found = await cached();
      if (found === undefined)
        throw hubError("DOWNLOAD_FAILED", `Cannot find "${name}" in "${store.name}": it has been removed meanwhile`);
      return found;
    },
  };
}

async function onlyFile(files: Files): Promise<KeptFile | undefined> {
  const [path] = await files.list("the file");
  return path === undefined || (await files.kind(path)) !== "file" ? undefined : { files, path };
}

/** The folder of an address in the cache, named so that people find it. */
export const urlFolder = (url: URL, store: HubStore): string =>
  `models--${slug(url.host)}--${slug(nameIn(url) ?? "file")}-${identityOf(url, store).slice(0, 8)}`;

/** Tells addresses apart, whoever asks. */
function identityOf(url: URL, store: HubStore): string {
  const plain = new URL(url);
  plain.hash = "";
  plain.username = "";
  plain.password = "";
  for (const name of [...plain.searchParams.keys()]) if (SECRET.test(name)) plain.searchParams.delete(name);
  plain.searchParams.sort();
  const digest = store.digest("sha256");
  digest.update(new TextEncoder().encode(plain.href));
  return digest.hex();
}

const nameIn = ({ pathname }: URL): string | undefined => safeName(pathname);

/** In letters that the names of repositories have; two hyphens would part it. */
const slug = (text: string): string =>
  text
    .replaceAll(/[^A-Za-z0-9_.]+/g, "-")
    .replaceAll(/\.{2,}/g, ".")
    .slice(-60);
