import type { Files } from "../../checkpoint/files.ts";
import { downloadAll } from "../download/download-all.ts";
import { hubError } from "../errors.ts";
import type { Hub } from "../hub.ts";

/** A folder on a server of no hub, whose files are known by their digests. */
export interface ListedFolder {
  /** What the store keeps it under, and messages call it. */
  readonly name: string;
  readonly url: URL;
  readonly files: readonly {
    readonly path: string;
    readonly size: number;
    /** In hexadecimal digits. */
    readonly sha256: string;
  }[];
}

/** The folder of the store that such a folder is kept in. */
export const listedFolderName = (name: string): string => `served--${name}`;

/** The folder in the store, downloaded as far as it is not there; its server is asked for nothing else. */
export async function keptFolder({ name, url, files }: ListedFolder, hub: Hub): Promise<Files> {
  const { store, settings, effects, signal, onProgress } = hub;
  const repo = store.repo(listedFolderName(name));
  const base = new URL(url.href.replace(/\/*$/, "/"));
  const requests = files.map(({ path, size, sha256 }) => ({
    path,
    size,
    url: new URL(path.split("/").map(encodeURIComponent).join("/"), base),
    checksum: { kind: "sha256", value: sha256 } as const,
    key: sha256,
    token: undefined,
    wanted: { name, page: base.href, file: path, keyAdvice: undefined, hasToken: false },
    refusesPages: true,
  }));
  const { timeout } = settings;
  await downloadAll({ name, repo, files: requests }, { store, effects, timeout, signal, onProgress });
  const commit = commitOf(files, hub);
  for (const { path, sha256 } of files) await repo.link(commit, path, sha256);
  const kept = await repo.snapshot(commit, name);
  if (kept !== undefined) return kept;
  throw hubError("DOWNLOAD_FAILED", `Cannot find "${name}" in "${store.name}": it has been removed meanwhile`);
}

/** What a folder with these files is known by. */
function commitOf(files: ListedFolder["files"], { store }: Hub): string {
  const digest = store.digest("sha256");
  digest.update(new TextEncoder().encode(files.map(({ path, sha256 }) => `${sha256} ${path}`).join("\n")));
  return digest.hex().slice(0, 40);
}
