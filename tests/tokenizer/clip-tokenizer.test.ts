import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ClipTokenizerFiles, loadClipTokenizer } from "../../src/tokenizer/clip-tokenizer.ts";
import { TokenizerError } from "../../src/tokenizer/errors.ts";
import { readJson } from "../support/fixtures.ts";

interface Cases {
  readonly pad: { readonly sd15: number; readonly sd2: number };
  readonly cases: readonly { readonly text: string; readonly ids: readonly number[] }[];
  readonly padded: readonly {
    readonly text: string;
    readonly sd15: readonly number[];
    readonly sd2: readonly number[];
    readonly attention_mask?: readonly number[];
  }[];
}

const { cases, padded, pad } = readJson("tokenizer/cases.json") as Cases;
const shipped = (name: string): string =>
  readFileSync(new URL(`../../models/clip-tokenizer/${name}`, import.meta.url), "utf8");
const vocab = JSON.parse(shipped("vocab.json")) as Readonly<Record<string, number>>;
const merges = shipped("merges.txt");
const files = (name: string): ClipTokenizerFiles => ({
  vocab,
  merges,
  config: readJson(`tokenizer/tokenizer_config.${name}.json`),
});
const sd15 = loadClipTokenizer(files("sd15"));
const sd2 = loadClipTokenizer(files("sd2"));
const untruncated = loadClipTokenizer({ vocab, merges, config: { model_max_length: 1000 } });
const textIds = (text: string) => {
  const { ids, length } = untruncated.encode(text);
  return ids.slice(0, length);
};

describe("encode() gives the ids of the reference", () => {
  test("before padding", () => {
    for (const { text, ids } of cases) expect(textIds(text), JSON.stringify(text)).toEqual(ids);
  });

  test("padded to 77, with eos as in SD 1.5", () => {
    expect([sd15.maxLength, sd15.bos, sd15.eos, sd15.pad]).toEqual([77, 49406, 49407, pad.sd15]);
    for (const { text, sd15: ids, attention_mask: mask } of padded) {
      const encoded = sd15.encode(text);
      expect(encoded.ids, JSON.stringify(text)).toEqual(ids);
      if (mask !== undefined) expect(encoded.length).toBe(mask.reduce((sum, one) => sum + one, 0));
    }
  });

  test('padded to 77, with "!" as in SD 2, where each "!" of a prompt is padding too', () => {
    expect(sd2.pad).toBe(pad.sd2);
    for (const { text, sd2: ids } of padded) expect(sd2.encode(text).ids, JSON.stringify(text)).toEqual(ids);
  });

  test("of a capital sigma at the end of a word, lowered on its own", () => {
    expect(textIds("ΟΔΟΣ")).toEqual(textIds("οδοσ"));
  });
});

test("encode() says what did not fit", () => {
  expect(sd15.encode("a cat")).toMatchObject({ length: 4, truncated: false, dropped: "" });
  const exact = sd15.encode("cat ".repeat(75));
  expect(exact).toMatchObject({ length: 77, truncated: false, dropped: "" });
  const long = sd15.encode(`${"cat ".repeat(75)} in a HAT, at night`);
  expect(long).toMatchObject({ length: 77, truncated: true, dropped: "in a hat , at night" });
  expect(long.ids).toEqual(exact.ids);
});

const lonelySurrogates = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));
/** Every other text is longer than the context, so that what is dropped may begin in the middle of a character. */
const anyText = fc
  .tuple(fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), lonelySurrogates), fc.boolean())
  .map(([text, long]) => (long ? text.repeat(30) : text));

test("encode() knows only ids of the vocabulary, whatever the text", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      for (const tokenizer of [sd15, sd2]) {
        const { ids, length } = tokenizer.encode(text);
        expect(ids).toHaveLength(77);
        expect(ids[0]).toBe(tokenizer.bos);
        expect(ids[length - 1]).toBe(tokenizer.eos);
        expect(ids.every((id) => Number.isInteger(id) && id >= 0 && id < 49408)).toBe(true);
      }
    }),
  );
});

test("a tokenizer.json gives the same ids, whichever way it writes merges", () => {
  const pairs = merges.trim().split("\n").slice(1);
  for (const written of [pairs, pairs.map((pair) => pair.split(" "))]) {
    const tokenizerJson = { model: { type: "BPE", vocab, merges: written, end_of_word_suffix: "</w>" } };
    const tokenizer = loadClipTokenizer({ tokenizerJson });
    for (const { text, sd15: ids } of padded.slice(0, 5)) expect(tokenizer.encode(text).ids).toEqual(ids);
  }
});

describe("loadClipTokenizer() reads special tokens", () => {
  const padOf = (config: unknown, specialTokens?: unknown) =>
    loadClipTokenizer({ vocab, merges, config, specialTokens }).pad;

  test("from the map before the config, unless the config lists added tokens", () => {
    expect(padOf({})).toBe(49407);
    expect(padOf({ pad_token: null })).toBe(49407);
    expect(padOf({ pad_token: "<|endoftext|>" }, { pad_token: "!" })).toBe(0);
    expect(padOf({ pad_token: "<|endoftext|>" }, { pad_token: { content: "!", normalized: false } })).toBe(0);
    expect(padOf({ pad_token: "<|endoftext|>", added_tokens_decoder: {} }, { pad_token: "!" })).toBe(49407);
  });

  test("and takes an absurd model_max_length for none", () => {
    expect(loadClipTokenizer({ vocab, merges, config: { model_max_length: 1e30 } }).maxLength).toBe(77);
  });
});

test("What is wrong with a tokenizer is told with the folder that it lies in", () => {
  const broken = (files: ClipTokenizerFiles) => () => loadClipTokenizer({ ...files, name: "model/tokenizer" });
  expect(broken({})).toThrow(
    'Cannot use the tokenizer "model/tokenizer": it needs vocab.json and merges.txt, or tokenizer.json',
  );
  expect(broken({ vocab: { a: "0" }, merges: "" })).toThrow(
    'Cannot use the tokenizer "model/tokenizer": cannot read vocab.json: the id of piece "a" is "0"',
  );
});

describe("loadClipTokenizer() refuses", () => {
  const small = { a: 0, "b</w>": 1, "ab</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4 };
  const CASES: Readonly<Record<string, readonly [ClipTokenizerFiles, string]>> = {
    "no files": [{}, "Cannot load the tokenizer: it needs vocab.json and merges.txt, or tokenizer.json"],
    "a vocabulary without merges": [
      { vocab: small },
      "Cannot load the tokenizer: it needs vocab.json and merges.txt, or tokenizer.json",
    ],
    "a vocabulary that is a list": [
      { vocab: ["a"], merges: "" },
      "Cannot read vocab.json: it is not an object of at most 1000000 pieces and their ids",
    ],
    "an id that is text": [
      { vocab: { ...small, a: "0" }, merges: "" },
      'Cannot read vocab.json: the id of piece "a" is "0", not a whole number',
    ],
    "an id that nests deeply": [
      { vocab: { ...small, a: JSON.parse("[".repeat(100_000) + "]".repeat(100_000)) as unknown }, merges: "" },
      'Cannot read vocab.json: the id of piece "a" is nested too deeply, not a whole number',
    ],
    "an id that would fill the memory": [
      { vocab: { ...small, a: 2 ** 32 }, merges: "" },
      'Cannot read vocab.json: the id of piece "a" is 4294967296, not a whole number',
    ],
    "an id given twice": [
      { vocab: { ...small, c: 1 }, merges: "" },
      'Cannot read vocab.json: pieces "b</w>" and "c" share the id 1',
    ],
    "a merge of one piece": [
      { vocab: small, merges: "#version: 0.2\na" },
      'Cannot read merges.txt: the merge "a" is not two pieces',
    ],
    "a merge of three pieces": [
      { vocab: small, merges: "a b c" },
      'Cannot read merges.txt: the merge "a b c" is not two pieces',
    ],
    "a merge of an unknown piece": [
      { vocab: small, merges: "#version: 0.2\na b</w>\na x" },
      'Cannot read the merges: "a x" needs piece "x", which the vocabulary lacks',
    ],
    "a missing special token": [
      { vocab: { a: 0, "<|startoftext|>": 1 }, merges: "" },
      'Cannot load the tokenizer: its eos_token "<|endoftext|>" is not in the vocabulary of 2 pieces',
    ],
    "a pad token outside the vocabulary": [
      { vocab: small, merges: "", config: { pad_token: "!" } },
      'Cannot load the tokenizer: its pad_token "!" is not in the vocabulary of 5 pieces',
    ],
    "a pad token that is a number": [
      { vocab: small, merges: "", specialTokens: { pad_token: 0 } },
      "Cannot read the tokenizer: its pad_token is 0, not a token",
    ],
    "a config that is a list": [
      { vocab: small, merges: "", config: [] },
      "Cannot read tokenizer_config.json: it is not a JSON object",
    ],
    "a length without room for text": [
      { vocab: small, merges: "", config: { model_max_length: 2 } },
      "Cannot load the tokenizer: its model_max_length is 2, a whole number from 3 to 4096 is required",
    ],
    "a tokenizer.json of another kind": [
      { tokenizerJson: { model: { type: "Unigram", vocab: [] } } },
      "Cannot read tokenizer.json: it holds no byte-pair encoding model",
    ],
    "a tokenizer.json that ends no words": [
      { tokenizerJson: { model: { vocab: small, merges: [] } } },
      'Cannot read tokenizer.json: CLIP ends words with "</w>", this model with missing',
    ],
  };

  test.each(Object.entries(CASES))("%s", (_, [broken, message]) => {
    expect(() => loadClipTokenizer(broken)).toThrow(new TokenizerError(message));
  });
});
