import { markdownTable } from "../../src/benchmark/report/markdown.ts";
import { CLASS_DEFAULTS } from "../../src/pipelines/class-conditional/class-conditional-options.ts";
import { FAMILIES, type FamilyName, UNCONDITIONAL_STEPS } from "../../src/systems/published-defaults.ts";

const TITLES: Readonly<Record<FamilyName, string>> = {
  "stable-diffusion": "Stable Diffusion 1.x, 2.x",
  "stable-diffusion-xl": "SDXL",
  "latent-consistency": "latent consistency models",
};

/** What runs take where neither caller nor model says, by kind of model. */
export function defaultsTable(): string {
  const families = (Object.keys(FAMILIES) as FamilyName[]).map((name) => {
    const { text, image, inpaint } = FAMILIES[name].defaults;
    return [
      TITLES[name],
      bothOf(text.steps, inpaint.steps),
      bothOf(text.guidanceScale, inpaint.guidanceScale),
      `${image.strength}, inpainting ${inpaint.strength}`,
    ];
  });
  const { DDPMPipeline, DDIMPipeline } = UNCONDITIONAL_STEPS;
  return markdownTable([
    ["model", "steps", "guidance scale", "strength"],
    ...families,
    ["LDM-4-G", String(CLASS_DEFAULTS.steps), String(CLASS_DEFAULTS.guidanceScale), "–"],
    ["DDPM", `${DDPMPipeline}, as \`DDIMPipeline\` ${DDIMPipeline}`, "–", "–"],
  ]);
}

const bothOf = (text: number, inpaint: number): string =>
  text === inpaint ? String(text) : `${text}, inpainting ${inpaint}`;
