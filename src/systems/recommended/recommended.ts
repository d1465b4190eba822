import { CheckpointError } from "../../checkpoint/errors.ts";
import type { Files } from "../../checkpoint/files.ts";
import { readJsonFile } from "../../checkpoint/text/json-file.ts";
import { isSamplerName, SAMPLER_NAMES } from "../../diffusion/samplers.ts";
import { configReader } from "../../models/config-reader.ts";
import type { Recommended } from "../published-defaults.ts";

/** What a model folder may hold beside diffusers' files: the settings that its maker recommends, in diffusers' words. */
export const RECOMMENDED_FILE = "generation_config.json";

/** Reads what the model in a folder recommends; nothing where it has no such file among its `names`. */
export async function readRecommended(files: Files, names: ReadonlySet<string>): Promise<Recommended> {
  if (!names.has(RECOMMENDED_FILE)) return {};
  const source = await files.open(RECOMMENDED_FILE);
  return recommendedSettings(await readJsonFile(source), source.name);
}

/** Reads parsed settings; fields that are none of ours pass, since other programs keep files of this name too. */
export function recommendedSettings(json: unknown, source: string): Recommended {
  const read = configReader(json, source);
  const steps = read.has("num_inference_steps") ? read.integer("num_inference_steps") : undefined;
  const guidanceScale = read.has("guidance_scale") ? read.number("guidance_scale") : undefined;
  if (guidanceScale !== undefined && guidanceScale < 0) read.fail("guidance_scale", "a number from 0");
  const sampler = read.has("sampler") ? read.string("sampler") : undefined;
  if (sampler !== undefined && !isSamplerName(sampler)) {
    throw new CheckpointError(
      `Cannot use "${source}": no sampler is called "${sampler}"; there are ${SAMPLER_NAMES.join(", ")}`,
    );
  }
  const knownWords = read.has("known_words") ? read.strings("known_words") : undefined;
  return { steps, guidanceScale, sampler, knownWords };
}
