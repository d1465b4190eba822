/** What a server has answered, or said of a job. */
type Failure = Response | { readonly status: number; readonly message: string };

/** Statuses that the AI SDK tries again by itself. */
const isRetryable = (status: number): boolean => status === 408 || status === 409 || status === 429 || status >= 500;

/** An error that the AI SDK knows as its own by its marks, so that it tries again where that may help. */
export function apiCallError(url: string, failure: Response): Promise<Error>;
export function apiCallError(url: string, failure: Exclude<Failure, Response>): Error;
export function apiCallError(url: string, failure: Failure): Error | Promise<Error> {
  if (!(failure instanceof Response)) return marked(url, failure.status, failure.message);
  return failure.text().then((body) => marked(url, failure.status, messageOf(body, failure.status), body));
}

function marked(url: string, statusCode: number, message: string, responseBody?: string): Error {
  return Object.assign(new Error(message), {
    name: "AI_APICallError",
    ...{ url, statusCode, responseBody, isRetryable: isRetryable(statusCode), requestBodyValues: {} },
    [Symbol.for("vercel.ai.error")]: true,
    [Symbol.for("vercel.ai.error.AI_APICallError")]: true,
  });
}

function messageOf(body: string, status: number): string {
  try {
    return String((JSON.parse(body) as { error: { message: string } }).error.message);
  } catch {
    return `Cannot make images: the server answered ${status}`;
  }
}
