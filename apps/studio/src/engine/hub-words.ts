import { EngineError } from "./engine.ts";
import { isNoRoom } from "./model-store.ts";

/** What the library advises programs, and what helps a visitor instead. */
export const ADVICE: readonly (readonly [program: string, visitor: string])[] = [
  ["give a token, as the option hub: { token }", 'give a token that may read it, in "From the hub"'],
  [
    "a visitor can give the site more, and removeStoredModel() of deepcache/browser removes what is not needed",
    "remove models that are not needed, behind the button that says where this runs",
  ],
];

/** An error of the library about the hub in words for visitors. */
export function forVisitors(error: unknown): unknown {
  if (!(error instanceof Error) || error.name === "AbortError") return error;
  const message = ADVICE.reduce((text, [program, visitor]) => text.replaceAll(program, visitor), error.message).replace(
    /^Cannot write "[^"]*"/,
    "Cannot keep the model",
  );
  const code = isNoRoom(error) ? "NO_ROOM" : (error as { readonly code?: string }).code;
  return message === error.message && code !== "NO_ROOM" ? error : new EngineError(message, { code, cause: error });
}
