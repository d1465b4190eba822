import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** A repository of a hub that is made for a test. */
export interface TestRepo {
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  /** Who may read it; everybody where left out. */
  readonly token?: string;
  readonly gated?: boolean;
  /** Whether its list leaves sizes and digests out, as mirrors do. */
  readonly bare?: boolean;
}

/** What the next answer with bytes of a large file does instead of what it should. */
export type Fault =
  | { readonly kind: "drop"; readonly after: number }
  | { readonly kind: "status"; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Says to bring so many bytes, and brings what there is. */
  | { readonly kind: "length"; readonly says: number }
  /** Sends all of the file, whatever part is asked for. */
  | { readonly kind: "whole" }
  /** Sends another part than it was asked for. */
  | { readonly kind: "shifted"; readonly by: number }
  /** Sends other bytes than the file's. */
  | { readonly kind: "corrupt" }
  /** Sends half of what there is and then nothing, without an end. */
  | { readonly kind: "stall" }
  /** From now on, other bytes under another tag. */
  | { readonly kind: "change"; readonly to: Uint8Array; readonly after: number };

/** A request as the servers saw it. */
export interface Seen {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

/** A hub with the host that keeps its large files. */
export interface TestHub extends AsyncDisposable {
  readonly endpoint: string;
  /** Of another origin than the hub. */
  readonly storage: string;
  readonly seen: Seen[];
  readonly faults: Fault[];
  /** The cache that downloads go to: a connection is cut off once what was sent has reached it. */
  cache: string | undefined;
  readonly repos: Record<string, TestRepo>;
  /** The commit of a repository. */
  commitOf(id: string): string;
  /** Puts a file on the host of large files; gives its address. */
  put(name: string, content: Uint8Array): string;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const gitSha1 = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
const bytesOf = (content: Uint8Array | string): Uint8Array =>
  typeof content === "string" ? new TextEncoder().encode(content) : content;

/** Files of this size and more are kept elsewhere, as hubs keep them. */
const LARGE = 1000;
/** Bytes that a slow server sends at a time. */
const PIECE = 16_384;

/** Bytes that look random and are the same every time. */
export function someBytes(size: number, seed = 1): Uint8Array {
  let state = seed * 2_654_435_761;
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 374_761_393) | 0;
    return state >>> 24;
  });
}

/** Starts a hub on this machine; `pause` is what storage waits after every 16 KiB, in milliseconds. */
export async function testHub(repos: Record<string, TestRepo>, pause = 0): Promise<TestHub> {
  const [seen, faults]: [Seen[], Fault[]] = [[], []];
  const stored = new Map<string, Uint8Array>();
  const note = ({ method = "", url = "", headers }: IncomingMessage): void => {
    const { host = "", authorization, range } = headers;
    seen.push({ method, host, path: url, authorization, range });
  };
  const commitOf = (id: string): string => {
    const contents = Object.entries(repos[id]?.files ?? {}).map(
      ([path, content]) => `${path} ${gitSha1(bytesOf(content))}`,
    );
    return createHash("sha1").update(contents.join("\n")).digest("hex");
  };
  const storage = createServer((request, response) => {
    if (isPreflight(request, response)) return;
    note(request);
    void sendStored(request, response, { stored, faults, pause, hub: () => made });
  });
  const storageAt = `http://localhost:${await listening(storage)}`;
  const hub = createServer((request, response) => {
    if (isPreflight(request, response)) return;
    note(request);
    answer(request, response, { repos, stored, storageAt, commitOf });
  });
  const endpoint = `http://127.0.0.1:${await listening(hub)}`;
  const made: TestHub = {
    ...{ endpoint, storage: storageAt, seen, faults, repos, commitOf, cache: undefined },
    put(name, content) {
      stored.set(`"${name}"`, content);
      return `${storageAt}/${name}`;
    },
    async [Symbol.asyncDispose]() {
      for (const server of [hub, storage]) {
        server.closeAllConnections();
        server.close();
        await once(server, "close");
      }
    },
  };
  return made;
}

/** Lets pages of other origins read what is answered, as hubs do; answers what browsers ask first. */
function isPreflight({ method }: IncomingMessage, response: ServerResponse): boolean {
  response.setHeader("access-control-allow-origin", "*");
  response.setHeader(
    "access-control-expose-headers",
    "x-error-code, etag, content-range, x-linked-size, x-linked-etag",
  );
  if (method !== "OPTIONS") return false;
  response.writeHead(204, { "access-control-allow-headers": "authorization, range" }).end();
  return true;
}

async function listening(server: Server): Promise<number> {
  server.listen(0);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

interface HubState {
  readonly repos: Readonly<Record<string, TestRepo>>;
  readonly stored: Map<string, Uint8Array>;
  readonly storageAt: string;
  commitOf(id: string): string;
}

function answer(request: IncomingMessage, response: ServerResponse, state: HubState): void {
  const { pathname } = new URL(request.url ?? "", "http://hub");
  const [, api, tree] = /^\/api\/models\/([^/]+\/[^/]+)(?:\/(?:revision|tree)\/(.+))?$/.exec(pathname) ?? [];
  const [, direct, revision, path] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(pathname) ?? [];
  const id = api ?? direct ?? "";
  const repo = state.repos[id];
  const refuse = (status: number, code: string): void => {
    response.writeHead(status, { "x-error-code": code }).end("{}");
  };
  const isAllowed = repo?.token === undefined || request.headers.authorization === `Bearer ${repo.token}`;
  if (repo?.gated === true && !isAllowed) {
    refuse(403, "GatedRepo");
    return;
  }
  if (repo === undefined || !isAllowed) {
    refuse(401, "RepoNotFound");
    return;
  }
  const commit = state.commitOf(id);
  const asked = decodeURIComponent(tree ?? revision ?? "main");
  if (!["main", "v1", "refs/pr/1", commit].includes(asked)) {
    refuse(404, "RevisionNotFound");
    return;
  }
  if (api !== undefined) {
    const json = pathname.includes("/tree/") ? treeOf(repo) : { id, sha: commit, siblings: siblingsOf(repo) };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(json));
    return;
  }
  const content = repo.files[decodeURIComponent(path ?? "")];
  if (content === undefined) {
    refuse(404, "EntryNotFound");
    return;
  }
  const bytes = bytesOf(content);
  const isLarge = bytes.length >= LARGE;
  const etag = `"${isLarge ? sha256(bytes) : gitSha1(bytes)}"`;
  const headers = { "x-repo-commit": commit, etag, "content-length": String(bytes.length) };
  if (!isLarge) {
    response.writeHead(200, headers).end(request.method === "HEAD" ? undefined : bytes);
    return;
  }
  if (!state.stored.has(etag)) state.stored.set(etag, bytes);
  const location = `${state.storageAt}/${etag.slice(1, -1)}?signature=secret`;
  const linked = { "x-linked-etag": etag, "x-linked-size": String(bytes.length), "x-repo-commit": commit };
  response.writeHead(302, { ...linked, location, "content-length": "0" }).end();
}

const siblingsOf = ({ files, bare = false }: TestRepo): readonly object[] =>
  Object.entries(files).map(([rfilename, content]) => {
    const bytes = bytesOf(content);
    if (bare) return { rfilename };
    const lfs = bytes.length < LARGE ? {} : { lfs: { sha256: sha256(bytes), size: bytes.length, pointerSize: 130 } };
    return { rfilename, size: bytes.length, blobId: gitSha1(bytes), ...lfs };
  });

const treeOf = ({ files }: TestRepo): readonly object[] =>
  Object.entries(files).map(([path, content]) => {
    const bytes = bytesOf(content);
    const lfs = bytes.length < LARGE ? {} : { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } };
    return { type: "file", path, size: bytes.length, oid: gitSha1(bytes), ...lfs };
  });

interface Stored {
  readonly stored: Map<string, Uint8Array>;
  readonly faults: Fault[];
  readonly pause: number;
  hub(): TestHub;
}

async function sendStored(request: IncomingMessage, response: ServerResponse, state: Stored): Promise<void> {
  const key = `"${new URL(request.url ?? "", "http://storage").pathname.slice(1)}"`;
  const fault = state.faults.shift();
  if (fault?.kind === "status") {
    response.writeHead(fault.status, fault.headers ?? {}).end("no");
    return;
  }
  const content = state.stored.get(key);
  if (content === undefined) {
    response.writeHead(404).end();
    return;
  }
  const tag = (bytes: Uint8Array): string => `"${sha256(bytes).slice(0, 16)}"`;
  const { range, "if-range": version } = request.headers;
  const [, begin, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
  const isSame = version === undefined || version === tag(content);
  const asked = begin === undefined || !isSame || fault?.kind === "whole" ? 0 : Number(begin);
  if (asked >= content.length && asked > 0) {
    response.writeHead(416).end();
    return;
  }
  const start = Math.max(0, asked + (fault?.kind === "shifted" && asked > 0 ? fault.by : 0));
  const isPart = last !== undefined && last !== "";
  const body = content.slice(start, isPart ? Number(last) + 1 : undefined);
  if (fault?.kind === "corrupt") body[0] = (body[0] ?? 0) ^ 255;
  const end = start + body.length;
  const part = { "content-range": `bytes ${start}-${end - 1}/${content.length}` };
  const length = fault?.kind === "length" ? fault.says : body.length;
  const headers = { etag: tag(content), "content-length": String(length) };
  const isPartial = asked > 0 || isPart;
  response.writeHead(isPartial ? 206 : 200, { ...headers, ...(isPartial ? part : {}) });
  const cut = fault?.kind === "drop" || fault?.kind === "change" ? fault.after : undefined;
  const sent = body.subarray(0, fault?.kind === "stall" ? body.length >> 1 : Math.min(cut ?? body.length, length));
  for (let at = 0; at < sent.length && !response.destroyed; at += PIECE) {
    await new Promise((resolve) => response.write(sent.subarray(at, at + PIECE), resolve));
    if (state.pause > 0) await new Promise((resolve) => setTimeout(resolve, state.pause));
  }
  if (fault?.kind === "change") state.stored.set(key, fault.to);
  if (fault?.kind === "stall") return;
  if (sent.length < length) {
    await arrived(start + sent.length, state.hub()); // what is not read yet when a connection ends is lost
    response.destroy();
  } else response.end();
}

/** Waits until so many bytes of the file on its way have reached the cache; not for ever, since some are not kept. */
async function arrived(bytes: number, { cache }: TestHub): Promise<void> {
  for (let waited = 0; cache !== undefined && waited < 1000; waited += 5) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const begun = readdirSync(cache, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".incomplete"),
    );
    if (begun.some((name) => sizeAt(join(cache, name)) >= bytes)) return;
  }
}

const sizeAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
