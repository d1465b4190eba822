import { parseLora } from "../../systems/parts/lora-text.ts";
import type { AdapterFlags } from "../flags/adapter-flags.ts";
import { UsageError } from "../flags/usage.ts";

type Settings = Readonly<Record<string, string | number>>;

/** The flags that ask for the LoRAs and embeddings of the text of the picture at `path` again, by the files that it names. */
export function adapterFlagsOf(settings: Settings, path: string): AdapterFlags {
  const [lora, embedding] = [numbered(settings, "Lora"), numbered(settings, "Embedding")];
  for (const text of lora) checkLora(text, path);
  if (!embedding.every((text) => text.indexOf("=") > 0)) {
    throw new UsageError(`Cannot repeat "${path}" with its embeddings, give --embedding`);
  }
  return {
    ...(lora.length === 0 ? {} : { lora }),
    ...(embedding.length === 0 ? {} : { embedding }),
    ...(settings["Prompt weights"] === "on" ? { promptWeights: true } : {}),
  };
}

function checkLora(text: string, path: string): void {
  try {
    parseLora(text);
  } catch (cause) {
    throw new UsageError(`Cannot repeat "${path}" with its LoRAs, give --lora`, { cause });
  }
}

/** "Lora 0", "Lora 1", … */
function numbered(settings: Settings, name: string): readonly string[] {
  const found: string[] = [];
  for (let text = settings[`${name} 0`]; text !== undefined; text = settings[`${name} ${found.length}`]) {
    found.push(String(text));
  }
  return found;
}
