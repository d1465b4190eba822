import { isJsonObject } from "../../checkpoint/text/json.ts";
import type { OtherScale } from "./module-change.ts";
import type { LoraPart } from "./module-names.ts";

/** Where peft's settings say alpha, as it keeps them in a file of their own or diffusers beside the tensors. */
export type PeftSettings = Readonly<Record<string, unknown>>;

/** What diffusers puts before a setting of each network. */
const PREFIXES: Readonly<Record<LoraPart, string>> = {
  unet: "unet.",
  text: "text_encoder.",
  secondText: "text_encoder_2.",
};

/** Settings that a file's author stored as text beside the tensors; none where there are none that can be read. */
export function settingsIn(metadata: Readonly<Record<string, string>>): PeftSettings {
  const { lora_adapter_metadata: text } = metadata;
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** Alpha over rank, or over its root (rsLoRA), for modules of `part`; 1 where nothing is said. */
export function peftScale(settings: PeftSettings, part: LoraPart, module: string): OtherScale {
  const setting = (name: string): unknown => settings[`${PREFIXES[part]}${name}`] ?? settings[name];
  const patterns = setting("alpha_pattern");
  const pattern = isJsonObject(patterns)
    ? Object.entries(patterns).find(([name]) => module === name || module.endsWith(`.${name}`))?.[1]
    : undefined;
  const alpha = pattern ?? setting("lora_alpha");
  if (alpha === undefined || alpha === null) return () => 1;
  if (typeof alpha !== "number") return () => Number.NaN;
  return (rank) => alpha / (setting("use_rslora") === true ? Math.sqrt(rank) : rank);
}
