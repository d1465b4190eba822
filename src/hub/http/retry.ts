import type { HubEffects } from "../effects.ts";
import { RedirectError } from "./request.ts";

interface PassingOptions {
  readonly wait?: number | undefined;
  readonly isFar?: boolean;
}

/** Something that may well succeed the next time. */
export class Passing extends Error {
  override readonly name = "Passing";
  /** Milliseconds that the server asks to wait. */
  readonly wait: number | undefined;
  /** Whether the server was not even reached. */
  readonly isFar: boolean;

  constructor(message: string, options: ErrorOptions & PassingOptions = {}) {
    super(message, options);
    this.wait = options.wait;
    this.isFar = options.isFar === true;
  }
}

const PASSING: readonly number[] = [408, 429, 500, 502, 503, 504];
const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;
/** A server may ask for more patience than this; then it is asked again all the same. */
const LONGEST_ASKED = 60_000;

/** Attempts in a row that bring nothing. */
export const MOST_ATTEMPTS = 6;

/** Whether a status is one that passes. */
export const isPassing = (status: number): boolean => PASSING.includes(status);

/** Milliseconds that an answer asks to wait. */
export function askedWait({ headers }: Response, now: number = Date.now()): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  const wait = /^\d+$/.test(text.trim()) ? 1000 * Number(text) : Date.parse(text) - now;
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

/** Waits before attempt `failures + 1`, longer every time, or as long as was asked. */
export async function waitBeforeRetry(
  error: unknown,
  failures: number,
  { sleep }: HubEffects,
  signal?: AbortSignal,
): Promise<void> {
  const asked = error instanceof Passing ? error.wait : undefined;
  const own = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1));
  await sleep(Math.min(asked ?? own, LONGEST_ASKED), signal);
}

/** What `error` of a request is to the next attempt: what passes comes back as such, anything else as it is. */
export function passing(error: unknown): unknown {
  if (error instanceof Passing || error instanceof RedirectError) return error;
  // fetch tells of everything about the connection by a TypeError; streams that break off do so as well.
  if (!(error instanceof TypeError)) return error;
  const code = codeOf(error);
  const { cause } = error;
  const said = cause instanceof Error && cause.message !== "" ? cause.message : error.message;
  const { navigator } = globalThis as { readonly navigator?: { readonly onLine?: boolean } };
  if (navigator?.onLine === false) return new Passing("there is no network", { cause: error, isFar: true });
  return new Passing(REASONS[code] ?? said, { cause: error, isFar: FAR.includes(code) });
}

/** What the codes of connections mean. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody answers there",
  ECONNRESET: "the connection was cut",
  ENETUNREACH: "there is no network",
  ENOTFOUND: "its name is not known here",
  EAI_AGAIN: "its name cannot be looked up",
  ETIMEDOUT: "no answer comes",
  UND_ERR_CONNECT_TIMEOUT: "no answer comes",
  UND_ERR_SOCKET: "the connection was cut",
};

/** Of these, nobody answers a second later either. */
const FAR: readonly string[] = ["ECONNREFUSED", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN"];

const codeOf = ({ cause }: Error): string => (cause instanceof Error && "code" in cause ? String(cause.code) : "");
