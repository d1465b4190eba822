import { nameOf } from "../../checkpoint/files/place.ts";
import type { LoraChoice } from "./adapters.ts";

/** How a LoRA and its strengths are written. */
export const LORA_SYNTAX = "FILE[:STRENGTH][:unet=X][:text=X]";

const NUMBER = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)`;
const FORM = new RegExp(`^(.+?)(?::(${NUMBER}))?((?::(?:unet|text)=${NUMBER})*)$`, "s");

/** A file's name with something behind it that is no strength. */
const STRANGE = /\.(?:safetensors|bin|pt|pth|ckpt):([^/\\]*)$/;

/** Reads "style.safetensors:0.8", "style.safetensors:-0.5:text=0". */
export function parseLora(text: string): LoraChoice {
  const [, path, strength, parts = ""] = FORM.exec(text) ?? [];
  if (path === undefined) throw new RangeError(`Cannot read the LoRA "${text}": ${LORA_SYNTAX} is required`);
  const [, strange] = STRANGE.exec(path) ?? [];
  if (strange !== undefined) {
    throw new RangeError(`Cannot read the LoRA "${text}": "${strange}" is no strength, ${LORA_SYNTAX} is required`);
  }
  const own = [...parts.matchAll(/:(unet|text)=([^:]+)/g)].map(([, name, value]) => [name, Number(value)] as const);
  if (new Set(own.map(([name]) => name)).size < own.length) {
    throw new RangeError(`Cannot read the LoRA "${text}": a strength is given twice, ${LORA_SYNTAX} is required`);
  }
  return { path, ...(strength === undefined ? {} : { strength: Number(strength) }), ...Object.fromEntries(own) };
}

/** What a file is called in texts. */
export const fileName = nameOf;

/** Writes what `parseLora` reads. */
export function formatLora({ path, strength = 1, unet = strength, text = strength }: LoraChoice): string {
  const name = nameOf(path);
  return unet === text ? `${name}:${unet}` : `${name}:unet=${unet}:text=${text}`;
}
