import { expect, test } from "vitest";
import { unknownWordsWarning } from "../../src/pipelines/text-to-image/unknown-words.ts";

const KNOWN = ["a", "on", "background", "fox", "teal"];

test.each([["a fox on a teal background"], ["A FOX, teal!"], [""], ["123 🦊"]])("%j is known", (prompt) => {
  expect(unknownWordsWarning([prompt], KNOWN)).toBeUndefined();
});

test("words that a model was not trained on are named once each, with those that it knows", () => {
  expect(unknownWordsWarning(["a castle by the sea", "a castle"], KNOWN)).toBe(
    'This model does not know "castle", "by", "the", "sea"; it knows background, fox, teal',
  );
});

test("a long text is not repeated", () => {
  const text = Array.from({ length: 26 }, (_, i) => String.fromCharCode(97 + i).repeat(3)).join(" ");
  expect(unknownWordsWarning([text], KNOWN)).toContain('"jjj" and 16 more; it knows');
});
