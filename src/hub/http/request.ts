/** How a request is sent; tests pass their own. */
export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

/** What is asked for. */
export interface HubRequest {
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent to the address's own origin alone. */
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Answers that lead to another origin are given as they are; in browsers, which hide where they lead, all that lead elsewhere. */
  readonly staysAtHome?: boolean;
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const MOST_REDIRECTS = 10;

/** Where redirects lead astray. */
export class RedirectError extends Error {
  override readonly name = "RedirectError";
}

/**
 * Asks for `url` and follows where it leads: a token goes to the origin that it is for and to no other, and nothing that
 * began encrypted goes on in the open.
 */
export async function request(url: URL, asked: HubRequest, fetch: Fetch): Promise<Response> {
  const { method = "GET", token, signal, staysAtHome = false } = asked;
  let at = url;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const authorization = token === undefined || at.origin !== url.origin ? {} : { authorization: `Bearer ${token}` };
    const init = {
      method,
      headers: { "accept-encoding": "identity", ...asked.headers, ...authorization },
      ...(signal === undefined ? {} : { signal }),
    };
    const response = await fetch(at, { ...init, redirect: "manual" });
    // Browsers do not say where it leads, and keep tokens from other origins by themselves.
    if (response.type === "opaqueredirect") {
      return staysAtHome ? response : await fetch(at, { ...init, redirect: "follow" });
    }
    const location = response.headers.get("location");
    if (!REDIRECTS.includes(response.status) || location === null) return response;
    const next = redirected(at, location);
    if (staysAtHome && next.origin !== url.origin) return response;
    await response.body?.cancel();
    at = next;
  }
  throw new RedirectError(`it leads from address to address, more than ${MOST_REDIRECTS} times`);
}

function redirected(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw new RedirectError("it leads to what is no address");
  const to = new URL(location, from.href);
  if (to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:")) return to;
  throw new RedirectError(`it leads to ${to.protocol}//${to.host}, which is not encrypted`);
}
