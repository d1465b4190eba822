import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

/** A host of files, as any is; tests make it fail. */
export interface StaticHost extends AsyncDisposable {
  readonly url: string;
  /** Paths that were asked for since this was emptied, with their ranges. */
  readonly asked: string[];
  /** Cuts the next answer for a path that ends so after this many bytes. */
  cut(path: string, bytes: number): void;
  /** Answers for a path that ends so with a wrong byte, or no more. */
  spoil(path: string | undefined): void;
}

/** Serves a folder on a free port of this machine. */
export async function staticHost(root: string): Promise<StaticHost> {
  const asked: string[] = [];
  let cutting: { readonly path: string; readonly bytes: number } | undefined;
  let spoiled: string | undefined;
  const server = createServer((request, response) => {
    const path = pathOf(request);
    const file = join(root, path === "/" ? "index.html" : path);
    const { range = "" } = request.headers;
    asked.push(range === "" ? path : `${path} ${range}`);
    if (path.includes("..") || !existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
    const { size } = statSync(file);
    const [, from = "0", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
    const [start, end] = [Number(from), to === "" ? size - 1 : Number(to)];
    const headers = { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "accept-ranges": "bytes" };
    const length = { "content-length": end - start + 1 };
    if (range === "") response.writeHead(200, { ...headers, ...length });
    else response.writeHead(206, { ...headers, ...length, "content-range": `bytes ${start}-${end}/${size}` });
    if (cutting !== undefined && path.endsWith(cutting.path)) {
      const part = readFileSync(file).subarray(start, start + cutting.bytes);
      cutting = undefined;
      return response.write(part, () => setTimeout(() => response.destroy(), 300));
    }
    if (spoiled !== undefined && path.endsWith(spoiled)) {
      const bytes = Buffer.from(readFileSync(file));
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      return response.end(bytes.subarray(start, end + 1));
    }
    return createReadStream(file, { start, end }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    cut(path, bytes) {
      cutting = { path, bytes };
    },
    spoil(path) {
      spoiled = path;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const pathOf = ({ url = "/" }: IncomingMessage): string => decodeURIComponent(new URL(url, "http://host").pathname);
