/** The command line asks for something impossible; exits with 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const EXIT = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** Parses a flag's number, or explains what is required. */
export function parseNumber(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) {
    throw new UsageError(`Cannot read ${flag} "${text}": a number is required`);
  }
  return value;
}

/** Parses a flag's whole number of at least `least`. */
export function parseWhole(flag: string, text: string, least: number): number {
  const value = parseNumber(flag, text);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`Cannot use ${flag} ${text}: a whole number from ${least} is required`);
  }
  return value;
}

/** Parses "0,5,10". */
export function parseList(flag: string, text: string, least = 0): number[] {
  return text.split(",").map((item) => parseWhole(flag, item.trim(), least));
}
