import { DeepCacheError, type ErrorCode } from "../errors/deepcache-error.ts";
import type { JobFailure } from "./queue/job.ts";

/** A request that is answered with an error of 4xx or 5xx. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly code: string;
  /** The field of the request that is wrong. */
  readonly field: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    {
      field,
      headers = {},
      cause,
    }: { readonly field?: string; readonly headers?: Readonly<Record<string, string>>; readonly cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.status = status;
    this.code = code;
    this.field = field;
    this.headers = headers;
  }
}

/** A job that is not taken because its owner has asked too often. */
export const tooOften = (perMinute: number): Refusal =>
  new Refusal(429, "rate_limited", `Cannot take a job: each key may ask for ${perMinute} a minute; try later`, {
    headers: { "retry-after": "60" },
  });

/** A job that is not taken because the pictures of those that wait take too much. */
export const tooManyBytes = (most: number): Refusal =>
  new Refusal(
    429,
    "queue_full",
    `Cannot take a job: the pictures of those that wait would take more than the ${most} bytes that they may; try later`,
    { headers: { "retry-after": "10" } },
  );

/** What a client is answered where the library fails; what is left out here is the server's fault, and said to nobody else. */
const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  OPTION_INVALID: 400,
  OPTION_UNKNOWN: 400,
  IMAGE_UNREADABLE: 400,
  MODEL_UNSUPPORTED: 400,
  OUT_OF_MEMORY: 503,
  BUSY: 503,
  DISPOSED: 503,
};

/** What a client is told of `error`, with details of the machine left out. */
export function failureOf(error: unknown): JobFailure {
  if (error instanceof Refusal) return { status: error.status, code: error.code, message: error.message };
  if (error instanceof DeepCacheError) {
    const status = STATUS[error.code];
    if (status !== undefined) return { status, code: error.code.toLowerCase(), message: withoutFolders(error) };
  }
  return { status: 500, code: "server_error", message: "Cannot go on: the server has a fault, which its log tells" };
}

/** Parts of models that do not go together are named by their files: where those lie is nobody's business. */
const withoutFolders = ({ code, message }: DeepCacheError): string =>
  code === "MODEL_UNSUPPORTED" ? message.replaceAll(/"[^"]*[\\/]([^"\\/]+)[\\/]?"/g, '"$1"') : message;

/** `error` as what a client is answered. */
export const refusalOf = (error: unknown): Refusal => {
  if (error instanceof Refusal) return error;
  const { status, code, message } = failureOf(error);
  return new Refusal(status, code, message);
};
