import { SIZE_NAMES, SIZE_TEXTS } from "../../pipelines/text-to-image/size-texts.ts";

type Settings = Readonly<Record<string, string | number>>;

/** Names that say how a picture was made and are repeated. */
const REPEATED: ReadonlySet<string> = new Set([
  ...["Steps", "Sampler", "CFG scale", "CFG rescale", "Seed", "Size", "Clip skip", "Eta", "Denoising strength"],
  ...["Timesteps", "Sigmas", "Timestep selection", "VAE", "VAE Decoder", "Refiner", "Refiner switch at"],
  ...["Batch size", "Batch pos", "Batch prompts", "Prompt weights", "Precision", "DeepCache", "Model"],
  ...SIZE_NAMES.map((name) => SIZE_TEXTS[name].setting),
]);
const NUMBERED = /^(?:Lora|Embedding|ControlNet) \d+$/;
/** Names that say nothing of the picture itself, or what others say as well. */
const SILENT = /^(?:Version|User|Created Date|Model hash|VAE hash|Hashes|TI hashes|Lora hashes)$/i;

/** How much of it is told. */
const MOST = { settings: 10, characters: 60 } as const;

/** What a picture's text says of it that is not repeated, such as "Hires upscale: 2"; undefined where that is nothing. */
export function unrepeated(settings: Settings): string | undefined {
  const found = Object.entries(settings).filter(
    ([name, value]) => !REPEATED.has(name) && !NUMBERED.test(name) && !SILENT.test(name) && !isOwn(name, value),
  );
  if (found.length === 0) return undefined;
  const told = found.slice(0, MOST.settings).map(([name, value]) => `${name}: ${brief(String(value))}`);
  return [...told, ...(found.length > MOST.settings ? [`and ${found.length - MOST.settings} more`] : [])].join(", ");
}

const brief = (text: string): string => (text.length > MOST.characters ? `${text.slice(0, MOST.characters)}…` : text);

/** Noise is drawn as on a processor, always. */
const isOwn = (name: string, value: string | number): boolean => name === "RNG" && value === "CPU";
