import type { Files } from "../../checkpoint/files.ts";
import { readJsonFile } from "../../checkpoint/text/json-file.ts";
import type { UNetConfig } from "../../models/unet/unet-types.ts";
import type { Network } from "../network.ts";
import { checkProfile, type Profile, type ProfiledNetwork, readProfile } from "./profile.ts";

/** What a model folder may hold beside diffusers' files: what `tune` has found for it. */
export const PROFILE_FILE = "deepcache_profile.json";

/** Reads the profile of a model folder; nothing where it has no such file among its `names`. */
export async function readOwnProfile(
  files: Files,
  names: ReadonlySet<string>,
  unet: Network<UNetConfig>,
): Promise<Profile | undefined> {
  if (!names.has(PROFILE_FILE)) return undefined;
  const source = await files.open(PROFILE_FILE);
  const profile = readProfile(await readJsonFile(source), source.name);
  checkProfile(profile, await profiledNetwork(unet), source.name);
  return profile;
}

/**
 * Which network a profile is for: fine-tuned models share it with the model that they come from, since their tensors have
 * the same names and shapes.
 */
export async function profiledNetwork({ config, weights }: Network<UNetConfig>): Promise<ProfiledNetwork> {
  const tensors = [...weights].map(([name, { shape }]) => `${name} ${shape.join("x")}`).sort();
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(tensors.join("\n")));
  const unet = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { architecture: config.architecture, unet };
}
