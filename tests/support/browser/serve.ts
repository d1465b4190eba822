import { open, readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A server of files, and what it was asked for. */
export interface FileServer extends AsyncDisposable {
  readonly url: string;
  /** Paths with their ranges, in the order in which they were asked for. */
  readonly asked: string[];
}

/** How a server answers. */
export interface ServeOptions {
  /** Whether pages are isolated, so that they may have threads (COOP and COEP). */
  readonly isolated?: boolean;
  /** Whether ranges of bytes are answered with whole files. */
  readonly whole?: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html",
  js: "text/javascript",
  wasm: "application/wasm",
  json: "application/json",
};

/** Serves what `find` gives for a path: the path of a file on disk, or a text. */
export async function serveFiles(
  find: (path: string) => string | { readonly text: string } | undefined,
  { isolated = false, whole = false }: ServeOptions = {},
): Promise<FileServer> {
  const asked: string[] = [];
  const apart = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    const { range } = request.headers;
    asked.push(range === undefined ? path : `${path} ${range}`);
    const found = find(path);
    const type = TYPES[path.split(".").at(-1) ?? ""] ?? (path.endsWith("/") ? "text/html" : "application/octet-stream");
    const headers = { "content-type": type, ...(isolated ? apart : {}) };
    if (found === undefined || typeof found === "object") {
      response.writeHead(found === undefined ? 404 : 200, headers);
      response.end(found?.text);
      return;
    }
    const size = await stat(found).then(
      (found) => (found.isFile() ? found.size : undefined),
      () => undefined,
    );
    if (size === undefined) {
      response.writeHead(404, headers);
      response.end();
      return;
    }
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
    if (first === undefined || last === undefined || whole) {
      response.writeHead(200, { ...headers, "content-length": size });
      response.end(await readFile(found));
      return;
    }
    const end = Math.min(Number(last), size - 1);
    const bytes = Buffer.alloc(end - Number(first) + 1);
    const file = await open(found);
    await file.read(bytes, 0, bytes.length, Number(first));
    await file.close();
    response.writeHead(206, { ...headers, etag: `"${size}"`, "content-range": `bytes ${first}-${end}/${size}` });
    response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
