import { signal } from "@preact/signals";

/** What lets the visitor read private and gated models of the hub, for this visit or as it is kept. */
export const hubToken = signal<string | undefined>(localStorage.getItem("hub-token") ?? undefined);

/** Whether the token is kept in this browser. */
export const isTokenKept = (): boolean => localStorage.getItem("hub-token") !== null;

/** Uses a token in this visit, and keeps it for later ones only where that is asked for. */
export function useToken(token: string, isKept: boolean): void {
  const own = token.trim();
  hubToken.value = own === "" ? undefined : own;
  if (isKept && own !== "") localStorage.setItem("hub-token", own);
  else localStorage.removeItem("hub-token");
}
