import { signal } from "@preact/signals";
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { EngineError, type HubModel, type ModelPlace, type OwnPlace } from "../../engine/engine.ts";
import { hubToken } from "./hub-token.ts";

/** What can be read again on another visit, once the browser is asked. */
export type OwnHandle = FileSystemDirectoryHandle | FileSystemFileHandle;

/** A model of the visitor's own that this browser remembers. */
export interface OwnModel {
  readonly name: string;
  /** A folder, or the files of a model. */
  readonly handles: readonly OwnHandle[];
  /** Where its copy lies among the page's own files; none where it is read where it lies. */
  readonly kept?: string | undefined;
  /** What the hub knows it by, where it came from there. */
  readonly hub?: string | undefined;
  /** False where its files come from the hub with every visit. */
  readonly isKept?: boolean | undefined;
}

interface Schema extends DBSchema {
  readonly models: { key: string; value: OwnModel };
}

/** Permissions are asked in a way that not all browsers have. */
interface Permitted {
  queryPermission?(options: { readonly mode: "read" }): Promise<PermissionState>;
  requestPermission?(options: { readonly mode: "read" }): Promise<PermissionState>;
}

/** The models that are remembered. */
export const ownModels = signal<readonly OwnModel[]>([]);

/** Where models of this visit are. */
const places = new Map<string, OwnPlace>();

let base: IDBPDatabase<Schema> | undefined;

/** Reads what is remembered from earlier visits; a browser that keeps nothing remembers nothing. */
export async function readOwnModels(): Promise<void> {
  try {
    base = await openDB<Schema>("deepcache-models", 1, {
      upgrade(fresh) {
        fresh.createObjectStore("models", { keyPath: "name" });
      },
    });
    ownModels.value = await base.getAll("models");
  } catch {
    base = undefined;
  }
}

/** Remembers a model of the hub. */
export async function rememberHub({ name, id, isKept }: HubModel): Promise<void> {
  await keepOwn({ name, handles: [], hub: id, isKept });
}

/** Keeps where a model is: for this visit, and for later ones where there are handles of it. */
export async function remember(place: OwnPlace, handles: readonly OwnHandle[], kept?: string): Promise<void> {
  places.set(place.name, place);
  if (handles.length === 0) return;
  await keepOwn({ name: place.name, handles, kept });
}

async function keepOwn(own: OwnModel): Promise<void> {
  ownModels.value = [...ownModels.value.filter(({ name }) => name !== own.name), own];
  await base?.put("models", own).catch(() => {}); // then for this visit alone
}

/** Forgets a model, and removes it where it is kept in this browser. */
export async function forget({ name, kept, hub }: OwnModel): Promise<void> {
  places.delete(name);
  ownModels.value = ownModels.value.filter((own) => own.name !== name);
  await base?.delete("models", name).catch(() => {});
  if (kept !== undefined) await (await keptFolder()).removeEntry(kept, { recursive: true });
  if (hub !== undefined) await dropOfHub(hub);
}

/** Removes what is kept of a repository of the hub, unless another model that is remembered has part in it. */
export async function dropOfHub(hub: string): Promise<void> {
  // Revisions and files of one repository share what is kept of it.
  const isShared = ownModels.value.some((own) => own.hub !== undefined && repositoryOf(own.hub) === repositoryOf(hub));
  if (__SERVED__ || isShared) return;
  const { removeStoredModel } = await import("deepcache/browser");
  await removeStoredModel(repositoryOf(hub)).catch(() => {}); // the browser may have removed it
}

/** `org/name` of `org/name/file@revision`. */
const repositoryOf = (id: string): string => id.replace(/@.*$/, "").split("/").slice(0, 2).join("/");

/** Where the models lie that are kept in this browser. */
export const keptFolder = async (): Promise<FileSystemDirectoryHandle> =>
  await (await navigator.storage.getDirectory()).getDirectoryHandle("kept", { create: true });

/** Whether a model is the visitor's own. */
export const isOwn = (name: string): boolean => places.has(name) || ownModels.value.some((own) => own.name === name);

/** Where a model is; the browser asks the visitor where it has to. */
export async function placeOf(name: string): Promise<ModelPlace> {
  const known = places.get(name);
  if (known !== undefined) return known;
  const own = ownModels.value.find((model) => model.name === name);
  if (own === undefined) return { kind: "named", name };
  if (own.hub !== undefined) {
    return { kind: "hub", name, id: own.hub, token: hubToken.value, isKept: own.isKept };
  }
  for (const handle of own.handles) await requirePermission(handle as Permitted, name);
  const place = await ownPlace(own);
  places.set(name, place);
  return place;
}

async function requirePermission(handle: Permitted, name: string): Promise<void> {
  const mode = { mode: "read" } as const;
  if ((await handle.queryPermission?.(mode)) === "granted" || handle.requestPermission === undefined) return;
  if ((await handle.requestPermission(mode)) === "granted") return;
  throw new EngineError(`Cannot open "${name}": the browser may not read it any more; allow it, or open it again`);
}

/** What handles stand for now. */
export async function ownPlace({ name, handles }: Pick<OwnModel, "name" | "handles">): Promise<OwnPlace> {
  const [first] = handles;
  if (first?.kind === "directory") return { kind: "folder", name, folder: first };
  try {
    const files = await Promise.all(handles.map((handle) => (handle as FileSystemFileHandle).getFile()));
    return { kind: "files", name, files };
  } catch (cause) {
    throw new EngineError(`Cannot open "${name}": it is not where it was; open it again`, { cause });
  }
}
