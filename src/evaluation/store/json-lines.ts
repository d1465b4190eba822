import { decodeUtf8, parseJsonText } from "../../checkpoint/text/json.ts";
import { EvaluationError } from "../errors.ts";
import type { Store } from "./store.ts";

/** One line of a file of JSON lines. */
export interface JsonLine {
  readonly value: unknown;
  /** Where the line begins and the next one does, in bytes. */
  readonly begin: number;
  readonly end: number;
}

const BLOCK = 1 << 20;
const NEWLINE = 10;

/** The whole lines of a file; what follows the last newline was torn by a kill and is left out, so is a missing file. */
export function* readJsonLines(store: Store, name: string): Generator<JsonLine> {
  let number = 0;
  for (const { bytes, begin } of linesOf(store, name)) {
    number++;
    const what = `line ${number} of "${name}"`;
    yield { value: parsed(bytes, what), begin, end: begin + bytes.length + 1 };
  }
}

function parsed(bytes: Uint8Array, what: string): unknown {
  try {
    return parseJsonText(decodeUtf8(bytes, what), what);
  } catch (cause) {
    throw new EvaluationError(`Cannot go on from the results: ${what} is damaged`, { cause });
  }
}

/** Blocks at a time, so that memory does not grow with the file. */
function* linesOf(store: Store, name: string): Generator<{ readonly bytes: Uint8Array; readonly begin: number }> {
  const size = store.size(name) ?? 0;
  let rest = new Uint8Array();
  let begin = 0;
  for (let offset = 0; offset < size; offset += BLOCK) {
    const block = store.read(name, offset, Math.min(size, offset + BLOCK)) ?? new Uint8Array();
    const bytes = new Uint8Array(rest.length + block.length);
    bytes.set(rest);
    bytes.set(block, rest.length);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      yield { bytes: bytes.subarray(start, end), begin };
      begin += end + 1 - start;
      start = end + 1;
    }
    rest = bytes.slice(start);
  }
}

/** Values as JSON lines. */
export const jsonLines = (values: readonly unknown[]): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join("");
