import { AwsClient } from "aws4fetch";
import { checkObjectName, type ObjectStore } from "../object-store.ts";

/** Where a bucket is, and who asks. */
export interface S3Options {
  readonly bucket: string;
  /** What all names begin with, such as "deepcache/". */
  readonly prefix?: string | undefined;
  /** Of a store that is not Amazon's, such as `http://127.0.0.1:9000`. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** How often a request is tried again that the store could not answer. */
const RETRIES = 4;

/** Files in a bucket of an S3-compatible store. */
export function s3Objects(options: S3Options): ObjectStore {
  const { bucket, prefix = "", region = "us-east-1", accessKeyId, secretAccessKey, sessionToken } = options;
  const endpoint = (options.endpoint ?? `https://s3.${region}.amazonaws.com`).replace(/\/+$/, "");
  const client = new AwsClient({
    ...{ accessKeyId, secretAccessKey, region, service: "s3", retries: RETRIES },
    ...(sessionToken === undefined ? {} : { sessionToken }),
  });
  const ask = async (what: string, path: string, init: RequestInit = {}): Promise<Response> => {
    const body = init.body as Uint8Array<ArrayBuffer> | undefined;
    const headers = { ...(init.headers as object), "x-amz-content-sha256": await digestOf(body ?? new Uint8Array()) };
    try {
      return await client.fetch(`${endpoint}/${bucket}${path}`, { ...init, headers });
    } catch (cause) {
      throw new Error(`Cannot ${what} s3://${bucket}: the store does not answer`, { cause });
    }
  };
  const pathOf = (name: string): string => `/${prefix}${checkObjectName(name)}`;
  return {
    async put(name, bytes, type = "application/octet-stream") {
      const body = Uint8Array.from(bytes);
      const response = await ask("write to", pathOf(name), { method: "PUT", body, headers: { "content-type": type } });
      await checked(response, `write "${name}" to s3://${bucket}`);
    },
    async get(name) {
      const response = await ask("read from", pathOf(name));
      if (response.status === 404 && (await codeOf(response.clone())) !== "NoSuchBucket") {
        await response.body?.cancel();
        return undefined;
      }
      return new Uint8Array(await (await checked(response, `read "${name}" from s3://${bucket}`)).arrayBuffer());
    },
    async remove(name) {
      const response = await ask("remove from", pathOf(name), { method: "DELETE" });
      if (response.status !== 404) await checked(response, `remove "${name}" from s3://${bucket}`);
    },
    async list(folder) {
      const query = new URLSearchParams({ "list-type": "2", prefix: `${prefix}${checkObjectName(folder)}/` });
      const text = await (await checked(await ask("list", `?${query}`), `list s3://${bucket}`)).text();
      // Names are ours: none has a character that XML would write otherwise.
      return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = ""]) => key.slice(prefix.length));
    },
  };
}

async function checked(response: Response, what: string): Promise<Response> {
  if (response.ok) return response;
  throw new Error(`Cannot ${what}: the store answers ${response.status} ${await codeOf(response)}`.trimEnd());
}

/** What S3 calls the error that it answers with. */
const codeOf = async (response: Response): Promise<string> =>
  /<Code>(\w+)<\/Code>/.exec(await response.text().catch(() => ""))?.[1] ?? "";

const digestOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
