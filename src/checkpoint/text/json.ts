import { LIMITS } from "../../errors/limits.ts";
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

const { marks: MARKS, depth: DEPTH } = LIMITS.json;

/** Parses `text`, refusing what would take many times its size in memory; `name` is what the message calls it. */
export function parseJsonText(text: string, name: string): unknown {
  const { marks, depth } = scanJson(text);
  if (marks > MARKS.most) {
    throw new CheckpointError(`Cannot read ${name}: it is JSON of ${marks} marks, at most ${MARKS.most} are read`);
  }
  if (depth > DEPTH.most) {
    throw new CheckpointError(
      `Cannot read ${name}: it is JSON of ${depth} brackets inside one another, at most ${DEPTH.most} are read`,
    );
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
  /** Brackets inside one another, at the deepest place. */
  readonly depth: number;
  /** Keys that the outermost object writes, counting a key that is written twice as two. */
  readonly topLevelKeys: number;
}

/** Counts in valid JSON without parsing it; in anything else the counts mean little. */
export function scanJson(json: string): JsonScan {
  let level = 0;
  let depth = 0;
  let marks = 0;
  let topLevelKeys = 0;
  for (let i = 0; i < json.length; i++) {
    switch (json.charCodeAt(i)) {
      case MARK.quote:
        i = endOfString(json, i);
        break;
      case MARK.brace:
      case MARK.bracket:
        marks++;
        level++;
        depth = Math.max(depth, level);
        break;
      case MARK.endBrace:
      case MARK.endBracket:
        marks++;
        level--;
        break;
      case MARK.colon:
        marks++;
        if (level === 1) topLevelKeys++;
        break;
      case MARK.comma:
        marks++;
        break;
    }
  }
  return { marks, depth, topLevelKeys };
}

/** Character codes: a header may have a hundred million characters. */
const MARK = { quote: 34, comma: 44, colon: 58, bracket: 91, endBracket: 93, brace: 123, endBrace: 125 } as const;

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
