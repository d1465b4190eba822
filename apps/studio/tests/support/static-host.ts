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
  /** Cuts the next answers for a path that ends so after this many bytes. */
  cut(path: string, bytes: number, times?: number): void;
  /** Sends this much of the next answer for a path that ends so, and then nothing more, without an end. */
  hold(path: string, bytes: number): void;
  /** Answers for a path that ends so with this status, the next time. */
  fail(path: string, status: number): void;
  /** Whether ranges are answered with whole files. */
  whole: boolean;
  /** Answers for a path that ends so with a wrong byte, or no more. */
  spoil(path: string | undefined): void;
}

/** Serves a folder on a free port of this machine. */
export async function staticHost(root: string): Promise<StaticHost> {
  const asked: string[] = [];
  let cutting: { readonly path: string; readonly bytes: number; times: number; readonly isHeld: boolean } | undefined;
  let failing: { readonly path: string; readonly status: number } | undefined;
  let spoiled: string | undefined;
  const host: StaticHost = {
    url: "",
    asked,
    whole: false,
    cut(path, bytes, times = 1) {
      cutting = { path, bytes, times, isHeld: false };
    },
    hold(path, bytes) {
      cutting = { path, bytes, times: 1, isHeld: true };
    },
    fail(path, status) {
      failing = { path, status };
    },
    spoil(path) {
      spoiled = path;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer((request, response) => {
    const path = pathOf(request);
    const file = join(root, path === "/" ? "index.html" : path);
    const { range = "" } = request.headers;
    asked.push(range === "" ? path : `${path} ${range}`);
    if (path.includes("..") || !existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
    if (failing !== undefined && path.endsWith(failing.path)) {
      const { status } = failing;
      failing = undefined;
      return response.writeHead(status).end();
    }
    const { size } = statSync(file);
    const [, from = "0", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(host.whole ? "" : range) ?? [];
    const [start, end] = [Number(from), to === "" ? size - 1 : Math.min(Number(to), size - 1)];
    const headers = { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "accept-ranges": "bytes" };
    const length = { "content-length": end - start + 1 };
    if (range === "" || host.whole) response.writeHead(200, { ...headers, ...length });
    else response.writeHead(206, { ...headers, ...length, "content-range": `bytes ${start}-${end}/${size}` });
    if (cutting !== undefined && path.endsWith(cutting.path)) {
      const part = readFileSync(file).subarray(start, start + cutting.bytes);
      const { isHeld } = cutting;
      cutting.times -= 1;
      if (cutting.times === 0) cutting = undefined;
      response.flushHeaders();
      if (part.length > 0) response.write(part);
      // What was sent is to arrive before the end does.
      if (!isHeld) setTimeout(() => response.destroy(), 200);
      return;
    }
    if (spoiled !== undefined && path.endsWith(spoiled)) {
      const bytes = Buffer.from(readFileSync(file));
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      return response.end(bytes.subarray(start, end + 1));
    }
    return createReadStream(file, { start, end }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  Object.assign(host, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  return host;
}

const pathOf = ({ url = "/" }: IncomingMessage): string => decodeURIComponent(new URL(url, "http://host").pathname);
