import { CheckpointError } from "./errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** True of what JSON writes with braces. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Decodes `bytes` as UTF-8 and parses them; `name` is what the message calls them. */
export function parseJson(bytes: Uint8Array, name: string): unknown {
  return parseJsonText(decodeUtf8(bytes, name), name);
}

/** Parses `text`; `name` is what the message calls it. */
export function parseJsonText(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(`Cannot read ${name}: it is not JSON`, { cause });
  }
}

/** Decodes `bytes`, refusing what is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CheckpointError(`Cannot read ${name}: it is not UTF-8 text`, { cause });
  }
}

/** Number of keys that the outermost object of valid JSON writes, counting a key that is written twice as two. */
export function countTopLevelKeys(json: string): number {
  let depth = 0;
  let colons = 0;
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (character === '"') i = endOfString(json, i);
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    else if (character === ":" && depth === 1) colons++;
  }
  return colons;
}

function endOfString(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  while (end > 0 && isEscaped(json, end)) end = json.indexOf('"', end + 1);
  return end < 0 ? json.length : end;
}

function isEscaped(json: string, position: number): boolean {
  let backslashes = 0;
  while (json[position - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1;
}
