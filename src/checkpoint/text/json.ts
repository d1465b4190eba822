import { CheckpointError } from "../errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** True of what JSON writes with braces. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Decodes `bytes` as UTF-8 and parses them; `name` is what the message calls them. */
export function parseJson(bytes: Uint8Array, name: string): unknown {
  return parseJsonText(decodeUtf8(bytes, name), name);
}

/** Brackets, commas and colons of one JSON text; the header of a model of ten thousand tensors has 150,000. */
export const MAX_JSON_MARKS = 4_000_000;

/** Parses `text`, refusing what would take many times its size in memory; `name` is what the message calls it. */
export function parseJsonText(text: string, name: string): unknown {
  const { marks } = scanJson(text);
  if (marks > MAX_JSON_MARKS) {
    throw new CheckpointError(`Cannot read ${name}: it is JSON of ${marks} marks, at most ${MAX_JSON_MARKS} are read`);
  }
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

interface JsonScan {
  /** Brackets, commas and colons, which bound the number of values. */
  readonly marks: number;
  /** Keys that the outermost object writes, counting a key that is written twice as two. */
  readonly topLevelKeys: number;
}

/** Counts in valid JSON without parsing it; in anything else the counts mean little. */
export function scanJson(json: string): JsonScan {
  let depth = 0;
  let marks = 0;
  let topLevelKeys = 0;
  for (let i = 0; i < json.length; i++) {
    const character = json[i]!;
    if (character === '"') i = endOfString(json, i);
    if (!"[]{},:".includes(character)) continue;
    marks++;
    if (character === "{" || character === "[") depth++;
    if (character === "}" || character === "]") depth--;
    if (character === ":" && depth === 1) topLevelKeys++;
  }
  return { marks, topLevelKeys };
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
