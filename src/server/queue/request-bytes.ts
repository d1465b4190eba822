import type { JobRequest } from "./job.ts";

/** What the pictures of a request take while it waits. */
export const requestBytes = ({ options }: Pick<JobRequest, "options">): number => bytesIn(Object.values(options));

/** Of pictures among options, and in lists of them. */
const bytesIn = (values: readonly unknown[]): number =>
  values.reduce<number>((sum, value) => {
    if (Array.isArray(value)) return sum + bytesIn(value);
    const { data } = Object(value) as { readonly data?: { readonly byteLength?: unknown } };
    return sum + (typeof data?.byteLength === "number" ? data.byteLength : 0);
  }, 0);
