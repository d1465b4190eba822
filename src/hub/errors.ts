import { DeepCacheError, type ErrorCode } from "../errors/deepcache-error.ts";

/** What a download failed by, in one sentence. */
export const hubError = (code: ErrorCode, message: string, cause?: unknown): DeepCacheError =>
  new DeepCacheError(code, message, cause === undefined ? {} : { cause });

/** What is downloaded, for messages. */
export interface Wanted {
  /** Such as "org/name", or an address without what is secret in it. */
  readonly name: string;
  /** The page where people can look. */
  readonly page: string;
  /** The revision of a repository. */
  readonly revision?: string | undefined;
  /** The file within it. */
  readonly file?: string | undefined;
  /** How to give a key of one's own; undefined of hosts that take none. */
  readonly keyAdvice: string | undefined;
  /** Whether a key was sent. */
  readonly hasToken: boolean;
}

/** What a status other than success means, and what to do about it. */
export function statusError(response: Response, wanted: Wanted): DeepCacheError {
  const { status, headers } = response;
  const { name, file, page, revision, hasToken } = wanted;
  const what = file === undefined ? `"${name}"` : `"${file}" of "${name}"`;
  const code = headers.get("x-error-code");
  const host = hostOf(page);
  if (code === "GatedRepo") {
    const advice = hasToken ? "with the account of your token" : `and ${adviceOf(wanted)}`;
    return hubError(
      "ACCESS_DENIED",
      `Cannot download "${name}": it is gated (${status}); accept its terms at ${page}, ${advice}`,
    );
  }
  if (code === "RevisionNotFound") {
    return hubError(
      "MODEL_NOT_FOUND",
      `Cannot find revision "${revision}" of "${name}" (${status}); ${page} lists those that there are`,
    );
  }
  if (code === "RepoNotFound" || (status === 404 && file === undefined && code === null)) {
    return hubError(
      "MODEL_NOT_FOUND",
      `Cannot find "${name}" on ${host} (${status}): there is none of this name, or it is private${hasToken ? " and not for your token" : `; then ${adviceOf(wanted)}`}`,
    );
  }
  if (status === 404 || status === 410)
    return hubError("MODEL_NOT_FOUND", `Cannot find ${what} on ${host} (${status})`);
  if (status === 401 || status === 403) {
    const advice = hasToken ? "it does not take your token for this" : adviceOf(wanted);
    return hubError("ACCESS_DENIED", `Cannot download ${what}: ${host} denies it (${status}); ${advice}`);
  }
  const reason = REASONS[status] ?? "answers in a way that is of no use";
  return hubError(
    "DOWNLOAD_FAILED",
    `Cannot download ${what}: ${host} ${reason} (${status}); what has come is kept for the next time`,
  );
}

const adviceOf = ({ keyAdvice = "it may want a login, which only its own page has" }: Wanted): string => keyAdvice;

const REASONS: Readonly<Record<number, string>> = {
  429: "has had too many requests",
  500: "has a fault",
  502: "is not available",
  503: "is not available",
  504: "is not available",
};

const hostOf = (page: string): string => (URL.canParse(page) ? new URL(page).host : page);
