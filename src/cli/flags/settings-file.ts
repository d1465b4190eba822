import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { isJsonObject, parseJson } from "../../checkpoint/text/json.ts";
import { UsageError } from "./usage.ts";

/**
 * Fills in the flags of `command` that a JSON file gives by name, `{ "guidance-scale": 4 }`, where the command line does
 * not: lists are joined by commas, true stands for a flag without a value.
 */
export function readSettingsFile(command: Command, path: string): void {
  const settings = parseJson(contentOf(path), `"${path}"`);
  if (!isJsonObject(settings)) throw new UsageError(`Cannot read flags from "${path}": a JSON object is required`);
  for (const [name, value] of Object.entries(settings)) {
    const option = command.options.find(({ long }) => long === `--${name}`);
    if (option === undefined || name === "settings") {
      throw new UsageError(`Cannot read flags from "${path}": there is no flag --${name}`);
    }
    const key = option.attributeName();
    if (command.getOptionValueSource(key) === "cli") continue;
    const text = textOf(value);
    const takesValue = option.required || option.optional;
    if (text === undefined || takesValue === (value === true)) {
      throw new UsageError(`Cannot read --${name} from "${path}": ${takesValue ? "a value" : "true"} is required`);
    }
    const parsed = takesValue ? (option.parseArg?.(text, undefined) ?? text) : !option.negate;
    command.setOptionValueWithSource(key, parsed, "config");
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
