import { describe, expect, test } from "vitest";
import { readTokenizerFiles } from "../../src/checkpoint/folder/tokenizer-files.ts";
import { withWords } from "../../src/tokenizer/added-words.ts";
import { loadClipTokenizer } from "../../src/tokenizer/clip-tokenizer.ts";
import { parsePromptWeights, promptChunks } from "../../src/tokenizer/prompt-weights.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";

const golden = readFixture("adapters/sd15/prompt-weights.safetensors");
const prompts = JSON.parse(golden.metadata["prompts"] ?? "[]") as readonly string[];
const parsed = JSON.parse(golden.metadata["parsed"] ?? "[]") as readonly (readonly [string, number])[][];
const tokenizer = loadClipTokenizer(await readTokenizerFiles(fixturePath("pipelines/sd15/model/tokenizer")));

describe.each(prompts.map((prompt, i) => [prompt, i] as const))("%s", (prompt, i) => {
  test("has the pieces and weights that AUTOMATIC1111 reads", () => {
    const pieces = parsePromptWeights(prompt).map((piece) =>
      piece.kind === "break" ? ["BREAK", -1] : [piece.text, piece.weight],
    );
    expect(pieces).toEqual(parsed[i]?.map(([text, weight]) => [text, weight]));
  });

  test("has the reference's tokens and weights, chunk by chunk", () => {
    const chunks = promptChunks(tokenizer, prompt);
    expect(chunks.flatMap(({ ids }) => ids)).toEqual([...golden.tensor(`${i}.ids`).data]);
    const weights = chunks.flatMap(({ weights }) => weights.map(Math.fround));
    expect(weights).toEqual([...golden.tensor(`${i}.weights`).data]);
  });
});

test("a weight that is no number is refused with the prompt", () => {
  expect(() => parsePromptWeights("a (fox:1.2.3)")).toThrow(
    'Cannot read the weights of "a (fox:1.2.3)": "1.2.3" is not a number',
  );
});

describe("words with tokens of their own", () => {
  const words = withWords(tokenizer, [
    { text: "mystyle", tokens: [50000, 50001] },
    { text: "mystyle-2", tokens: [50002] },
  ]);

  test("stand wherever a prompt has them, in any case, the longest first", () => {
    const [of, a] = [tokenizer.tokens("of"), tokenizer.tokens(", a")];
    expect(words.tokens("of MyStyle, a mystyle-2")).toEqual([...of, 50000, 50001, ...a, 50002]);
  });

  test("are spelt in what has no place", () => {
    const { dropped } = words.encode(`${"a ".repeat(75)} mystyle house`);
    expect(dropped).toBe("mystyle house");
  });

  test("keep their tokens together where a chunk is nearly full", () => {
    const [full, next] = promptChunks(words, `${"a ".repeat(74)} mystyle`);
    expect(full?.length).toBe(76);
    expect(next?.ids.slice(0, 4)).toEqual([tokenizer.bos, 50000, 50001, tokenizer.eos]);
  });

  test("go on in the next chunk where they have more tokens than one takes", () => {
    const tokens = Array.from({ length: 80 }, (_, i) => 50000 + i);
    const long = withWords(tokenizer, [{ text: "mystyle", tokens }]);
    const chunks = promptChunks(long, "a mystyle");
    expect(chunks.map(({ length }) => length)).toEqual([3, 77, 7]);
    expect(chunks.flatMap(({ ids }) => ids).filter((id) => id >= 50000)).toEqual(tokens);
  });

  test("are the letters that the tokenizer takes for the same, and no others", () => {
    expect(words.tokens("myſtyle")).toEqual(tokenizer.tokens("myſtyle"));
    const greek = withWords(tokenizer, [{ text: "ΟΔΟΣ", tokens: [50000] }]);
    expect(greek.tokens("οδοσ")).toEqual([50000]);
    const accented = withWords(tokenizer, [{ text: "caf\u00e9-x", tokens: [50000] }]);
    expect(accented.tokens("cafe\u0301-x")).toEqual([50000]);
  });
});
