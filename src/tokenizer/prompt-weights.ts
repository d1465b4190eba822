import { LIMITS } from "../errors/limits.ts";
import type { ClipTokenizer } from "./clip-tokenizer.ts";
import { TokenizerError } from "./errors.ts";
import { quote } from "./vocabulary.ts";

/** A piece of a prompt with how much attention it gets; at a break, a chunk ends. */
export type WeightedPiece =
  | { readonly kind: "text"; readonly text: string; readonly weight: number }
  | { readonly kind: "break" };

/** What AUTOMATIC1111 multiplies the weight of what stands in (round) brackets by, and divides that in [square] ones by. */
const STEP = 1.1;

const TOKEN = /\\\(|\\\)|\\\[|\\\]|\\\\|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|\]|[^\\()[\]:]+|:/g;
const BREAK = /\bBREAK\b/;
const { brackets: BRACKETS } = LIMITS.tokenizer;

/**
 * Reads AUTOMATIC1111's grammar: (a) weighs 1.1 times as much, [a] a 1.1th, (a:1.3) 1.3 times; a backslash before a bracket makes
 * it a letter, BREAK ends a chunk, and a bracket that is not closed reaches to the end.
 */
export function parsePromptWeights(prompt: string): readonly WeightedPiece[] {
  // BREAK weighs -1 until the end, as there: in brackets it is multiplied like all else, and a word again.
  const pieces: { text: string; weight: number }[] = [];
  const [rounds, squares]: [number[], number[]] = [[], []];
  const multiply = (start: number, factor: number): void => {
    for (const piece of pieces.slice(start)) piece.weight *= factor;
  };
  const close = (open: number[], factor: number): boolean => {
    const start = open.pop();
    if (start !== undefined) multiply(start, factor);
    return start !== undefined;
  };
  const open = (brackets: number[]): void => {
    brackets.push(pieces.length);
    if (rounds.length + squares.length <= BRACKETS.most) return;
    throw new TokenizerError(
      `Cannot read the weights of ${quote(prompt)}: it has ${BRACKETS.most + 1} brackets inside one another, at most ${BRACKETS.most} are read`,
    );
  };
  for (const [token, weight] of prompt.matchAll(TOKEN)) {
    if (token.startsWith("\\")) pieces.push({ text: token.slice(1), weight: 1 });
    else if (token === "(") open(rounds);
    else if (token === "[") open(squares);
    else if (weight !== undefined && rounds.length > 0) close(rounds, parseWeight(weight, prompt));
    else if (token === ")" && close(rounds, STEP)) continue;
    else if (token === "]" && close(squares, 1 / STEP)) continue;
    else {
      const texts = token.split(BREAK);
      for (const [i, text] of texts.entries()) {
        if (i > 0) pieces.push({ text: "BREAK", weight: -1 });
        const begun = i > 0 ? text.trimStart() : text;
        pieces.push({ text: i < texts.length - 1 ? begun.trimEnd() : begun, weight: 1 });
      }
    }
  }
  for (const start of rounds) multiply(start, STEP);
  for (const start of squares) multiply(start, 1 / STEP);
  return joined(pieces).map(({ text, weight }) =>
    text === "BREAK" && weight === -1 ? { kind: "break" } : { kind: "text", text, weight },
  );
}

function parseWeight(text: string, prompt: string): number {
  const weight = Number(text);
  if (Number.isFinite(weight)) return weight;
  throw new TokenizerError(`Cannot read the weights of ${quote(prompt)}: ${quote(text)} is not a number`);
}

/** Neighbours of one weight are one piece; a prompt without any is an empty one. */
function joined(pieces: readonly { readonly text: string; readonly weight: number }[]) {
  const merged: { text: string; weight: number }[] = [];
  for (const { text, weight } of pieces.length === 0 ? [{ text: "", weight: 1 }] : pieces) {
    const last = merged.at(-1);
    if (last?.weight === weight) last.text += text;
    else merged.push({ text, weight });
  }
  return merged;
}

/** Tokens that are encoded together, as the text encoder takes them, with a weight for each. */
export interface PromptChunk {
  readonly ids: readonly number[];
  readonly weights: readonly number[];
  /** How many come before the padding. */
  readonly length: number;
}

/**
 * A prompt of any length as chunks of what the text encoder takes at once; a chunk ends where it is full, before a
 * word whose vectors it has no room for, or at BREAK.
 */
export function promptChunks(tokenizer: ClipTokenizer, prompt: string): readonly PromptChunk[] {
  const room = tokenizer.maxLength - 2;
  const chunks: PromptChunk[] = [];
  let [ids, weights]: [number[], number[]] = [[], []];
  const close = (): void => {
    chunks.push(framed(tokenizer, ids, weights));
    [ids, weights] = [[], []];
  };
  for (const piece of parsePromptWeights(prompt)) {
    if (piece.kind === "break") {
      close();
      continue;
    }
    for (const unit of tokenizer.units(piece.text)) {
      if (ids.length > 0 && ids.length + unit.length > room) close();
      for (const id of unit) {
        if (ids.length === room) close();
        ids.push(id);
        weights.push(piece.weight);
      }
    }
  }
  if (ids.length > 0 || chunks.length === 0) close();
  return chunks;
}

/** A chunk without words. */
export const emptyChunk = (tokenizer: ClipTokenizer): PromptChunk => framed(tokenizer, [], []);

function framed(
  { maxLength, bos, eos, pad }: ClipTokenizer,
  ids: readonly number[],
  weights: readonly number[],
): PromptChunk {
  const length = ids.length + 2;
  const padding = maxLength - length;
  return {
    ids: [bos, ...ids, eos, ...new Array<number>(padding).fill(pad)],
    weights: [1, ...weights, ...new Array<number>(padding + 1).fill(1)],
    length,
  };
}
