import type { AdapterFlags } from "../flags/adapter-flags.ts";

type Settings = Readonly<Record<string, string | number>>;

/** The flags that ask for the LoRAs and embeddings of a picture's text again, by the files that it names. */
export function adapterFlagsOf(settings: Settings): AdapterFlags {
  const [lora, embedding] = [numbered(settings, "Lora"), numbered(settings, "Embedding")];
  return {
    ...(lora.length === 0 ? {} : { lora }),
    ...(embedding.length === 0 ? {} : { embedding }),
    ...(settings["Prompt weights"] === "on" ? { promptWeights: true } : {}),
  };
}

/** "Lora 0", "Lora 1", … */
function numbered(settings: Settings, name: string): readonly string[] {
  const found: string[] = [];
  for (let text = settings[`${name} 0`]; text !== undefined; text = settings[`${name} ${found.length}`]) {
    found.push(String(text));
  }
  return found;
}
