import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** A small store in memory that speaks S3, and answers only what is signed with its key. */
export interface S3Server extends AsyncDisposable {
  readonly url: string;
  readonly bucket: string;
  /** Credentials and endpoint under Amazon's names. */
  readonly environment: Readonly<Record<string, string>>;
  /** What it holds, by key. */
  readonly held: ReadonlyMap<string, Buffer>;
  /** The keys of what was put there, also of what is not there any more. */
  readonly put: readonly string[];
  /** Answers the next requests with these statuses. */
  failNext(...statuses: readonly number[]): void;
}

const ID = "AKIDEXAMPLE";
const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const REGION = "eu-north-7";

/** Starts a store with one bucket on a free port. */
export async function s3Server(bucket = "pictures-of-tests"): Promise<S3Server> {
  const held = new Map<string, Buffer>();
  const put: string[] = [];
  const failures: number[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const answer = (status: number, text: string | Buffer = ""): void => void response.writeHead(status).end(text);
    const error = (status: number, code: string): void => answer(status, `<Error><Code>${code}</Code></Error>`);
    const failure = failures.shift();
    if (failure !== undefined) return error(failure, "SlowDown");
    if (!isSigned(request, body)) return error(403, "SignatureDoesNotMatch");
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://a");
    const [, asked, ...rest] = pathname.split("/");
    const key = decodeURIComponent(rest.join("/"));
    if (asked !== bucket) return error(404, "NoSuchBucket");
    if (key === "") {
      const prefix = searchParams.get("prefix") ?? "";
      const keys = [...held.keys()].filter((name) => name.startsWith(prefix)).sort();
      return answer(200, `<ListBucketResult>${keys.map((name) => `<Contents><Key>${name}</Key></Contents>`).join("")}`);
    }
    if (request.method === "PUT") {
      put.push(key);
      held.set(key, body);
    }
    if (request.method === "DELETE") held.delete(key);
    if (request.method !== "GET") return answer(request.method === "DELETE" ? 204 : 200);
    const found = held.get(key);
    return found === undefined ? error(404, "NoSuchKey") : answer(200, found);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...{ url, bucket, held, put },
    environment: {
      ...{ AWS_ACCESS_KEY_ID: ID, AWS_SECRET_ACCESS_KEY: SECRET, AWS_REGION: REGION },
      AWS_ENDPOINT_URL: url,
    },
    failNext: (...statuses) => void failures.push(...statuses),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const hex = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** Whether a request carries the signature, version 4, that Amazon's description of it asks for. */
function isSigned({ method = "", url = "/", headers }: IncomingMessage, body: Buffer): boolean {
  const { pathname, searchParams } = new URL(url, "http://a");
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/((\d{8})\/([^/]+)\/s3\/aws4_request), ?SignedHeaders=([^,]+), ?Signature=(\w{64})$/;
  const found = pattern.exec(headers.authorization ?? "");
  if (found === null) return false;
  const [, id, scope = "", day = "", region = "", signed = "", signature = ""] = found;
  const [time, digest] = [String(headers["x-amz-date"]), String(headers["x-amz-content-sha256"])];
  const age = Math.abs(Date.now() - Date.parse(time.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5")));
  if (id !== ID || region !== REGION || !time.startsWith(day) || !(age < 900_000) || digest !== hex(body)) return false;
  const names = signed.split(";");
  if (!["host", "x-amz-date", "x-amz-content-sha256"].every((name) => names.includes(name))) return false;
  const query = [...searchParams].map((pair) => pair.map(encodeURIComponent).join("=")).sort();
  const canonical = [
    ...[method, pathname, query.join("&")],
    ...names.map((name) => `${name}:${String(headers[name]).trim()}`),
    ...["", signed, digest],
  ];
  const toSign = ["AWS4-HMAC-SHA256", time, scope, hex(canonical.join("\n"))].join("\n");
  const key = ["s3", "aws4_request"].reduce(hmac, hmac(hmac(`AWS4${SECRET}`, day), region));
  return timingSafeEqual(Buffer.from(signature, "hex"), hmac(key, toSign));
}
