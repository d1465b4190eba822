import { LIMITS } from "../errors/limits.ts";
import type { Turns } from "../tensor/in-turns.ts";
import { TokenizerError } from "./errors.ts";

/** The pieces that CLIP's byte-pair encoding knows. */
export interface Vocabulary {
  readonly ids: ReadonlyMap<string, number>;
  /** Pairs to join, in the order in which they were learnt. */
  readonly merges: readonly (readonly [left: string, right: string])[];
}

const { most: MAX_PIECES } = LIMITS.tokenizer.tokens;

/** Reads vocab.json and merges.txt. */
export function* parseVocabulary(vocab: unknown, merges: string): Turns<Vocabulary> {
  const lines = merges.split(/\r?\n/).filter((line, i) => line !== "" && !(i === 0 && line.startsWith("#version")));
  return yield* vocabularyOf({ ids: vocab, merges: lines }, "vocab.json", "merges.txt");
}

/** Takes the same two tables out of a tokenizer.json; its other settings are the same for every CLIP tokenizer. */
export function* parseTokenizerJson(json: unknown): Turns<Vocabulary> {
  const model = isObject(json) ? json["model"] : undefined;
  if (!isObject(model) || !Array.isArray(model["merges"])) {
    throw new TokenizerError("Cannot read tokenizer.json: it holds no byte-pair encoding model");
  }
  if (model["end_of_word_suffix"] !== "</w>") {
    throw new TokenizerError(
      `Cannot read tokenizer.json: CLIP ends words with "</w>", this model with ${quote(model["end_of_word_suffix"])}`,
    );
  }
  const { vocab: ids, merges } = model;
  return yield* vocabularyOf({ ids, merges }, "tokenizer.json", "tokenizer.json");
}

/** Merges that are read in one turn. */
const PART = 4096;

function* vocabularyOf(
  read: { readonly ids: unknown; readonly merges: readonly unknown[] },
  idsFile: string,
  mergesFile: string,
): Turns<Vocabulary> {
  yield;
  if (read.merges.length > MAX_PIECES) {
    throw new TokenizerError(
      `Cannot read ${mergesFile}: it has ${read.merges.length} merges, at most ${MAX_PIECES} are read`,
    );
  }
  const ids = yield* parseIds(read.ids, idsFile);
  const merges: Vocabulary["merges"][number][] = [];
  for (const [i, merge] of read.merges.entries()) {
    if (i % PART === 0) yield;
    merges.push(parseMerge(merge, mergesFile));
  }
  for (const [i, merge] of merges.entries()) {
    if (i % PART === 0) yield;
    checkMerge(merge, ids);
  }
  return { ids, merges };
}

function* parseIds(vocab: unknown, file: string): Turns<ReadonlyMap<string, number>> {
  const entries = isObject(vocab) ? Object.entries(vocab) : [];
  if (entries.length === 0 || entries.length > MAX_PIECES) {
    throw new TokenizerError(`Cannot read ${file}: it is not an object of at most ${MAX_PIECES} pieces and their ids`);
  }
  const ids = new Map<string, number>();
  const pieces: string[] = [];
  for (const [i, [piece, id]] of entries.entries()) {
    if (i % PART === 0) yield;
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= MAX_PIECES) {
      throw new TokenizerError(
        `Cannot read ${file}: the id of piece ${quote(piece)} is ${quote(id)}, not a whole number`,
      );
    }
    if (pieces[id] !== undefined) {
      throw new TokenizerError(
        `Cannot read ${file}: pieces ${quote(pieces[id])} and ${quote(piece)} share the id ${id}`,
      );
    }
    pieces[id] = piece;
    ids.set(piece, id);
  }
  return ids;
}

function parseMerge(merge: unknown, file: string): readonly [string, string] {
  const [left, right, ...more] = typeof merge === "string" ? merge.split(" ") : Array.isArray(merge) ? merge : [];
  if (typeof left === "string" && typeof right === "string" && left !== "" && right !== "" && more.length === 0) {
    return [left, right];
  }
  throw new TokenizerError(`Cannot read ${file}: the merge ${quote(merge)} is not two pieces`);
}

function checkMerge([left, right]: Vocabulary["merges"][number], ids: Vocabulary["ids"]): void {
  const unknown = ids.has(left) ? (ids.has(right) ? left + right : right) : left;
  if (ids.has(unknown)) return;
  throw new TokenizerError(
    `Cannot read the merges: ${quote(`${left} ${right}`)} needs piece ${quote(unknown)}, which the vocabulary lacks`,
  );
}

/** True of what JSON writes with braces. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `value` as JSON, short enough for a message. */
export function quote(value: unknown): string {
  try {
    const json = JSON.stringify(value) ?? "missing";
    return json.length > 80 ? `${json.slice(0, 80)}…` : json;
  } catch {
    return "nested too deeply"; // JSON.parse reads any depth, JSON.stringify runs out of stack
  }
}
