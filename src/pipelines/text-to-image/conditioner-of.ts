import type { StableDiffusionModel } from "../../systems/stable-diffusion.ts";
import type { TextEncoder } from "../../systems/text-encoder.ts";
import { pairConditioner } from "./text-conditioners/pair.ts";
import { singleConditioner } from "./text-conditioners/single.ts";

/** How the model's U-Net is told of prompts. */
export const conditionerOf = ({ second, ...first }: Pick<StableDiffusionModel, keyof TextEncoder | "second">) =>
  second === undefined ? singleConditioner(first) : pairConditioner(first, second);
