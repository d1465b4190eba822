import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { withCommand } from "../../../src/cli/arguments.ts";
import { checkPattern, pictureName } from "../../../src/cli/generate/picture-names.ts";
import { capThreads } from "../../../src/cli/terminal/cores.ts";

describe("withCommand()", () => {
  const names = ["generate", "compare", "eval", "fid", "plan"];

  test.each([
    [[], ["--help"]],
    [
      ["plan", "--steps", "4"],
      ["plan", "--steps", "4"],
    ],
    [["--version"], ["--version"]],
    [
      ["help", "plan"],
      ["help", "plan"],
    ],
    [["a fox"], ["generate", "a fox"]],
    [["fox"], ["generate", "fox"]],
    [
      ["a", "fox"],
      ["generate", "a", "fox"],
    ],
    [
      ["--seed", "1", "a fox"],
      ["generate", "--seed", "1", "a fox"],
    ],
    [["-"], ["generate", "-"]],
    [["plane over the sea"], ["generate", "plane over the sea"]],
  ])("makes %j into %j", (args, expected) => {
    expect(withCommand(args, names)).toEqual(expected);
  });

  test.each([
    ["genrate", "generate"],
    ["Compare", "compare"],
    ["plane", "plan"],
    ["generat", "generate"],
  ])("takes %s for a slip of %s", (word, meant) => {
    expect(() => withCommand([word, "x"], names)).toThrow(`There is no command "${word}": did you mean ${meant}?`);
  });
});

describe("pictureName()", () => {
  const image = { index: 1, seed: 9, prompt: "A fox, on “teal”: ünïcode/../x!" };

  test.each([
    ["{index}-{seed}.png", 3, "2-9.png"],
    ["{index}.png", 120, "002.png"],
    ["{prompt}.png", 3, "a-fox-on-teal-ünïcode-x.png"],
    ["a.png", 1, "a.png"],
    ["a.b/c.png", 3, "a.b/c-2.png"],
  ])("makes of %s for %d images %s", (pattern, images, name) => {
    expect(pictureName(pattern, image, images)).toBe(name);
  });

  test("keeps prompts to a length that every file system takes, and names those of signs alone", () => {
    const name = (prompt: string): string => pictureName("{prompt}", { ...image, prompt }, 1);
    expect(new TextEncoder().encode(name("狐".repeat(500))).length).toBeLessThan(200);
    expect(name("../..")).toBe("untitled");
    expect(name("")).toBe("untitled");
  });

  test("is refused what images do not have", () => {
    expect(() => checkPattern("{seed}{Prompt}.png")).toThrow("Cannot use {Prompt}");
  });
});

describe("capThreads()", () => {
  const capped = (...args: string[]): readonly [unknown, readonly string[]] => {
    const command = new Command().option("--threads <n>", "", Number).parse(args, { from: "user" });
    const lines: string[] = [];
    capThreads(command, { warn: (text) => lines.push(text) }, 4);
    return [command.opts()["threads"], lines];
  };

  test("takes back threads beyond the cores and says so", () => {
    expect(capped("--threads", "64")).toEqual([4, ["--threads 64 is more than this machine has cores: 4 are used"]]);
    expect(capped("--threads", "4")).toEqual([4, []]);
    expect(capped()).toEqual([undefined, []]);
  });
});
