import { describe, expect, test } from "vitest";
import { parsePrompts } from "../../src/evaluation/workload/prompts.ts";

const read = (name: string, text: string) => parsePrompts(new TextEncoder().encode(text), name);
const texts = (name: string, text: string): string[] => read(name, text).map((prompt) => prompt.text);
const coco = (annotations: unknown): string => JSON.stringify({ info: {}, images: [], annotations });

describe("parsePrompts()", () => {
  test("reads one prompt a line, without blank lines, byte order mark and spaces around", () => {
    expect(texts("prompts.txt", "\uFEFFa fox\r\n\n  an owl, at night \n# not a comment")).toEqual([
      "a fox",
      "an owl, at night",
      "# not a comment",
    ]);
  });

  test("reads a caption for each picture of COCO, in the order of the pictures", () => {
    const text = coco([
      { image_id: 9, id: 5, caption: "later caption of nine" },
      { image_id: 9, id: 2, caption: "A cat on a mat.\n" },
      { image_id: 3, id: 8, caption: "A dog." },
    ]);
    expect(texts("captions_val2017.json", text)).toEqual(["A dog.", "A cat on a mat."]);
  });

  test("reads PartiPrompts' table with its categories", () => {
    const table = 'Prompt\tCategory\tChallenge\tNote\nbond\tAbstract\tBasic\tx\n"a ""red"" box"\t\tBasic\t\n';
    expect(read("PartiPrompts.tsv", table)).toEqual([{ text: "bond", category: "Abstract" }, { text: 'a "red" box' }]);
  });

  test("finds the columns of a table wherever they are, and does without categories", () => {
    expect(read("p.tsv", "Note\tPrompt\nx\ta fox\n")).toEqual([{ text: "a fox" }]);
  });

  test.each([
    ["p.txt", "\n \n", 'Cannot use "p.txt": it has no prompts'],
    ["p.json", "{", 'Cannot read "p.json": it is not JSON'],
    ["p.json", "[]", 'COCO\'s captions have a list "annotations", which is missing'],
    ["p.json", coco([]), 'Cannot use "p.json": it has no prompts'],
    ["p.json", coco([{ image_id: 1, id: 2 }]), 'annotation 0 must have the numbers "image_id" and "id"'],
    ["p.json", coco([{ image_id: 1, id: 2, caption: " " }]), "annotation 0 must have"],
    ["p.tsv", "prompt\nx", 'its first line names no column "Prompt", but prompt'],
    ["p.tsv", "Note\tPrompt\nx\t \n", "row 1 of the table has no prompt"],
  ])("refuses %s of %j", (name, text, message) => {
    expect(() => read(name, text)).toThrow(message);
  });

  test("refuses what is not text", () => {
    expect(() => parsePrompts(Uint8Array.of(0xff, 0xfe, 0), "p.txt")).toThrow(
      'Cannot read "p.txt": it is not UTF-8 text',
    );
  });
});
