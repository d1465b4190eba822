import { Refusal } from "../refusal.ts";

/** Whose request it is, or a refusal. */
export type Authenticate = (request: Request) => Promise<string>;

/** Wrong keys that wait for their answer; beyond that, they are told at once to come later. */
const MOST_WAITING = 16;

/** How authentication may be set in tests. */
export interface AuthenticateOptions {
  /** Milliseconds that a wrong key waits for its answer. */
  readonly delay?: number;
}

/**
 * Lets requests with one of `keys` pass: as a bearer token, as the password of basic authentication, which clients of
 * AUTOMATIC1111's programs send, or as `X-API-Key`. All keys are compared in constant time; a wrong one is answered late.
 */
export function authenticate(keys: readonly string[], { delay = 500 }: AuthenticateOptions = {}): Authenticate {
  if (keys.length === 0) return async () => "everybody";
  const digests = Promise.all(keys.map(digestOf));
  let waiting = 0;
  return async (request) => {
    const given = keysOf(request.headers);
    const found = await Promise.all(given.map(digestOf));
    let owner = -1;
    (await digests).forEach((digest, i) => {
      for (const other of found) if (areEqual(digest, other)) owner = i;
    });
    if (owner >= 0) return `key ${owner + 1}`;
    if (given.length > 0) {
      if (waiting >= MOST_WAITING) {
        throw new Refusal(
          429,
          "too_many_wrong_keys",
          "Cannot check the key: too many wrong ones were given, try later",
          {
            headers: { "retry-after": "5" },
          },
        );
      }
      waiting++;
      await new Promise((resolve) => setTimeout(resolve, delay));
      waiting--;
    }
    const reason = given.length === 0 ? "no key is given" : "the key is wrong";
    throw new Refusal(401, "invalid_api_key", `Cannot answer: ${reason}; "Authorization: Bearer KEY" is required`, {
      headers: { "www-authenticate": 'Bearer realm="deepcache", Basic realm="deepcache"' },
    });
  };
}

/** The keys that a request may mean; clients send basic authentication with the key in either place, or both. */
function keysOf(headers: Headers): string[] {
  const plain = headers.get("x-api-key");
  const [, scheme = "", credentials = ""] = /^(\w+) +(\S+)$/.exec(headers.get("authorization") ?? "") ?? [];
  const authorized = scheme.toLowerCase() === "bearer" ? [credentials] : basicKeys(scheme, credentials);
  return [...(plain === null ? [] : [plain]), ...authorized];
}

function basicKeys(scheme: string, credentials: string): string[] {
  if (scheme.toLowerCase() !== "basic") return [];
  try {
    const decoded = atob(credentials);
    return [decoded, decoded.slice(decoded.indexOf(":") + 1)];
  } catch {
    return [];
  }
}

const digestOf = async (text: string): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));

/** Looks at every byte, wherever the first difference is. */
function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  let different = 0;
  for (let i = 0; i < a.length; i++) different |= a[i]! ^ b[i]!;
  return different === 0;
}
