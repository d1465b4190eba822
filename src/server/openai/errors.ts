import type { Refusal } from "../refusal.ts";

/** What OpenAI calls errors by their status. */
const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  429: "rate_limit_error",
};

/** An error as OpenAI's clients read it. */
export const openAiError = ({ status, code, message, field }: Refusal): { readonly error: object } => ({
  error: {
    message,
    type: TYPES[status] ?? (status < 500 ? "invalid_request_error" : "server_error"),
    param: field ?? null,
    code,
  },
});
