import { quote } from "../../checkpoint/bytes/limits.ts";
import { placeName } from "../places/model-place.ts";
import type { LoraChoice } from "./adapters.ts";

/** How a LoRA and its strengths are written. */
export const LORA_SYNTAX = "FILE[:STRENGTH][:unet=X][:text=X]";

const NUMBER = String.raw`[+-]?(?:\d+(?:\.\d*)?|\.\d+)`;
const STRENGTH = new RegExp(`^${NUMBER}$`);
const OF_PART = new RegExp(`^(unet|text)=(${NUMBER})$`);

/** A file's name with something behind it that is no strength, in the last part of a path. */
const STRANGE = /\.(?:safetensors|bin|pt|pth|ckpt):(.*)$/s;

/** Reads "style.safetensors:0.8", "style.safetensors:-0.5:text=0". */
export function parseLora(text: string): LoraChoice {
  const refuse = (reason: string): RangeError =>
    new RangeError(`Cannot read the LoRA ${quote(text)}: ${reason}${LORA_SYNTAX} is required`);
  if (text === "") throw refuse("");
  const parts = text.split(":");
  /** Whatever comes last but the path, which is never empty. */
  const takeLast = (form: RegExp): RegExpExecArray | undefined => {
    const found = parts.length > 2 || parts[0] !== "" ? form.exec(parts.at(-1) ?? "") : null;
    if (found === null || parts.length === 1) return undefined;
    parts.pop();
    return found;
  };
  const own: [string, number][] = [];
  for (let found = takeLast(OF_PART); found !== undefined; found = takeLast(OF_PART)) {
    own.push([found[1] ?? "", Number(found[2])]);
  }
  if (new Set(own.map(([name]) => name)).size < own.length) throw refuse("a strength is given twice, ");
  const strength = takeLast(STRENGTH)?.[0];
  const path = parts.join(":");
  const [, strange] = STRANGE.exec(path.slice(1 + Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")))) ?? [];
  if (strange !== undefined) throw refuse(`${quote(strange)} is no strength, `);
  return {
    path,
    ...(strength === undefined ? {} : { strength: Number(strength) }),
    ...Object.fromEntries(own.reverse()),
  };
}

/** What a file is called in texts. */
export const fileName = placeName;

/** Writes what `parseLora` reads. */
export function formatLora({ path, strength = 1, unet = strength, text = strength }: LoraChoice): string {
  const name = placeName(path);
  return unet === text ? `${name}:${unet}` : `${name}:unet=${unet}:text=${text}`;
}
