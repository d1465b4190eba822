import { distance } from "fastest-levenshtein";
import { UsageError } from "./flags/usage.ts";

/** The command that makes pictures, which may be left out. */
const DEFAULT_COMMAND = "generate";
/** What the program takes in place of a command. */
const OWN = ["help", "-h", "--help", "-V", "--version"];
/** More letters than this wrong is another word. */
const MOST_WRONG = 2;

/**
 * The arguments with a command in front: help where there are none, and `generate` where the first is none of `commands`.
 * A word that is nearly a command's name is refused, since a slip of the pen would make a picture.
 */
export function withCommand(args: readonly string[], commands: readonly string[]): readonly string[] {
  const [first] = args;
  if (first === undefined) return ["--help"];
  if (commands.includes(first) || OWN.includes(first)) return args;
  const meant = /\s/.test(first) ? undefined : commands.find((name) => isNear(first.toLowerCase(), name));
  if (meant === undefined) return [DEFAULT_COMMAND, ...args];
  throw new UsageError(
    `There is no command "${first}": did you mean ${meant}? A picture of it is made by: deepcache ${DEFAULT_COMMAND} "${first}"`,
  );
}

/** Short names are near to many words, so that they may have one letter wrong. */
const isNear = (word: string, name: string): boolean => distance(word, name) <= (name.length < 6 ? 1 : MOST_WRONG);
