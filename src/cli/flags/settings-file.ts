import { readFileSync } from "node:fs";
import type { Command, Option } from "commander";
import { quote } from "../../checkpoint/bytes/limits.ts";
import { isJsonObject, parseJson } from "../../checkpoint/text/json.ts";
import { UsageError } from "./usage.ts";

/**
 * Fills in the flags of `command` that a JSON file gives by name, `{ "guidance-scale": 4 }`, where the command line does
 * not: lists are joined by commas, true stands for a flag without a value.
 */
export const readSettingsFile = (command: Command, path: string): void => takeFlags(command, contentOf(path), path);

/** Fills in the flags that a JSON file holds, which messages call `path`. */
export function takeFlags(command: Command, content: Uint8Array, path: string): void {
  const settings = parseJson(content, `"${path}"`);
  if (!isJsonObject(settings)) throw new UsageError(`Cannot read flags from "${path}": a JSON object is required`);
  for (const [name, value] of Object.entries(settings)) {
    const option = command.options.find(({ long }) => long === `--${name}`);
    if (option === undefined || name === "settings") {
      throw new UsageError(`Cannot read flags from "${path}": there is no flag ${quote(`--${name}`)}`);
    }
    const key = option.attributeName();
    if (command.getOptionValueSource(key) === "cli") continue;
    const text = textOf(value);
    const takesValue = option.required || option.optional;
    if (text === undefined || takesValue === (value === true)) {
      throw new UsageError(`Cannot read --${name} from "${path}": ${takesValue ? "a value" : "true"} is required`);
    }
    const parsed = takesValue ? parsedBy(option, text, path) : !option.negate;
    command.setOptionValueWithSource(key, parsed, "config");
  }
}

function parsedBy({ long, parseArg }: Option, text: string, path: string): unknown {
  try {
    return parseArg?.(text, undefined) ?? text;
  } catch (cause) {
    throw new UsageError(`Cannot read ${long} from "${path}"`, { cause });
  }
}

function contentOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Error(`Cannot read flags from "${path}"`, { cause });
  }
}

function textOf(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const items = value.map(textOf);
    return items.includes(undefined) ? undefined : items.join(",");
  }
  return typeof value === "string" || typeof value === "number" || value === true ? String(value) : undefined;
}
