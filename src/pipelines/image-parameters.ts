import { formatPolicy } from "../deepcache/policy.ts";
import { formatParameters, PARAMETERS_KEYWORD } from "../image/parameters.ts";
import type { GenerationResult } from "./events.ts";
import { strengthOf } from "./image-source.ts";
import type { TextToImageOptions } from "./text-to-image-options.ts";

/** The version that images name. */
export const VERSION = "0.1.0";

/** The text that a PNG carries of its run, in AUTOMATIC1111's form: enough to repeat it. */
export function imageParameters(
  options: TextToImageOptions,
  { sampler, steps, seed, images, policy, guidanceScale }: GenerationResult,
  index: number,
  model: string,
): Readonly<Record<string, string>> {
  const { guidanceRescale = 0, clipSkip = 0, eta, count = 1 } = options;
  const prompts = typeof options.prompt === "string" ? [options.prompt] : options.prompt;
  const negatives = typeof options.negativePrompt === "string" ? undefined : options.negativePrompt;
  const row = Math.floor(index / count);
  const image = images[index];
  const settings: Record<string, string | number> = {
    Steps: steps,
    Sampler: sampler,
    "CFG scale": guidanceScale ?? options.guidanceScale ?? 7.5,
    Seed: seed,
    Size: `${image?.width}x${image?.height}`,
    Model: model,
    RNG: "CPU",
  };
  if (options.image !== undefined) settings["Denoising strength"] = strengthOf(options);
  if (clipSkip > 0) settings["Clip skip"] = clipSkip + 1; // AUTOMATIC1111 counts the last layer as 1
  if (guidanceRescale > 0) settings["CFG rescale"] = guidanceRescale;
  if (eta !== undefined) settings["Eta"] = eta;
  if (images.length > 1) Object.assign(settings, { "Batch size": images.length, "Batch pos": index });
  if (prompts.length > 1) settings["Batch prompts"] = JSON.stringify(prompts);
  if (policy.kind !== "off") settings["DeepCache"] = formatPolicy(policy);
  settings["Version"] = `deepcache ${VERSION}`;
  const negativePrompt = negatives?.[row] ?? (typeof options.negativePrompt === "string" ? options.negativePrompt : "");
  return { [PARAMETERS_KEYWORD]: formatParameters({ prompt: prompts[row] ?? "", negativePrompt, settings }) };
}
