import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadClipTokenizer } from "../../src/tokenizer/clip-tokenizer.ts";
import added from "../fixtures/tokenizer/added-tokens.json" with { type: "json" };
import { fixturePath, readJson } from "../support/fixtures.ts";

const FOLDER = "pipelines/sd15/model/tokenizer";
const config = readJson(`${FOLDER}/tokenizer_config.json`) as object;
const files = {
  vocab: readJson(`${FOLDER}/vocab.json`),
  merges: readFileSync(fixturePath(`${FOLDER}/merges.txt`), "utf8"),
  specialTokens: readJson(`${FOLDER}/special_tokens_map.json`),
};

describe("tokens that a model's files add", () => {
  test.each(added.cases)(
    "have the ids that transformers gives them: $name",
    ({ config: changes, addedTokens, ids }) => {
      const named = addedTokens ?? undefined;
      const tokenizer = loadClipTokenizer({ ...files, config: { ...config, ...changes }, addedTokens: named });
      const found = added.texts.map((text) => {
        const encoding = tokenizer.encode(text);
        return encoding.ids.slice(0, encoding.length);
      });
      expect(found).toEqual(ids);
    },
  );

  test("are read from tokenizer.json, too", () => {
    const { vocab, merges, ...others } = files;
    const size = Object.keys(vocab as object).length;
    const tokenizerJson = {
      model: { vocab, merges: merges.split("\n").slice(1, -1), end_of_word_suffix: "</w>" },
      added_tokens: [{ id: size, content: "<new1>", special: false, normalized: true }],
    };
    const tokenizer = loadClipTokenizer({ ...others, config, tokenizerJson });
    expect(tokenizer.encode("<new1>").ids.slice(0, 3)).toEqual([tokenizer.bos, size, tokenizer.eos]);
  });

  test.each([
    [{ addedTokens: { "<a>": -1 } }, "Cannot read added_tokens.json: the id of an added token is -1"],
    [{ addedTokens: [] }, "Cannot read added_tokens.json: what it holds is []"],
    [{ config: { added_tokens_decoder: { "1": { special: true } } } }, 'an added token is {"special":true}'],
    [{ config: { added_tokens_decoder: { "1": { content: "a", single_word: true } } } }, '(single_word) is "a"'],
    [{ config: { padding_side: "left" } }, 'its padding_side is "left", "right" is required'],
    [{ config: { truncation_side: "left" } }, 'its truncation_side is "left", "right" is required'],
    [{ config: { split_special_tokens: true } }, "its split_special_tokens is true, false is required"],
  ])("are refused where they are %j", (change, message) => {
    expect(() => loadClipTokenizer({ ...files, config, ...change })).toThrow(message);
  });
});
