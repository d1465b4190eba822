import type { UNetConfig } from "../models/unet/unet-types.ts";
import type { Network } from "../systems/network.ts";
import type { ProfiledNetwork } from "./profile.ts";

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
