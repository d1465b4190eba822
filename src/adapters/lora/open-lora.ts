import type { ByteSource } from "../../checkpoint/bytes/byte-source.ts";
import { quote } from "../../checkpoint/bytes/limits.ts";
import { CheckpointError } from "../../checkpoint/errors.ts";
import { openPlace } from "../../checkpoint/files/place.ts";
import { type FileLike, type Files, type FolderLike, isFiles } from "../../checkpoint/files.ts";
import { readCheckpoint } from "../../checkpoint/read-checkpoint.ts";
import { readJsonFile } from "../../checkpoint/text/json-file.ts";
import type { Weight, WeightChange } from "../../checkpoint/weights.ts";
import { sizesOf } from "../../layers/changed-weight.ts";
import { elementCount } from "../../tensor/tensor.ts";
import type { Lora } from "./lora.ts";
import { modulesOf } from "./lora-tensors.ts";
import { type ModuleChange, moduleChange } from "./module-change.ts";
import { type LoraPart, type LoraTarget, moduleFinder } from "./module-names.ts";
import { type PeftSettings, peftScale, settingsIn } from "./peft-scale.ts";

/** What LoRAs are called in folders of diffusers and of peft. */
const FILES = ["pytorch_lora_weights.safetensors", "adapter_model.safetensors"];
const PEFT_CONFIG = "adapter_config.json";

/**
 * Opens a LoRA for a model: one of kohya's scripts, of LyCORIS (LoCon, LoHa, LoKr), of peft or of diffusers, with DoRA's
 * magnitudes or without. Nothing but its alphas is read.
 */
export async function openLora(path: FolderLike | FileLike, target: LoraTarget): Promise<Lora> {
  const place = await openPlace(path, "the LoRA");
  const { source, settings: beside } = isFiles(place) ? await findIn(place) : { source: place, settings: {} };
  const { weights, metadata } = await readCheckpoint(source);
  const settings = { ...settingsIn(metadata), ...beside };
  const refuse = (reason: string, code: "MODEL_UNSUPPORTED" | "CHECKPOINT_BROKEN"): CheckpointError =>
    new CheckpointError(`Cannot apply the LoRA "${source.name}" to "${target.name}": ${reason}`, { code });
  const { modules, unknown, twice } = modulesOf(weights);
  if (twice !== undefined) throw refuse(`${quote(twice)} is there under another name, too`, "CHECKPOINT_BROKEN");
  if (modules.length === 0) {
    throw refuse(
      `it has no tensors of a LoRA, LoHa or LoKr${unknown[0] === undefined ? "" : ` but others, such as ${quote(unknown[0])}`}`,
      "MODEL_UNSUPPORTED",
    );
  }
  const find = moduleFinder(target);
  const changes = { unet: new Map(), text: new Map(), secondText: new Map() } satisfies Record<
    LoraPart,
    Map<string, ModuleChange>
  >;
  const unmatched = [...unknown];
  for (const module of modules) {
    const found = find(module.name);
    if (found === undefined) {
      unmatched.push(module.name);
      continue;
    }
    const { part, key } = found;
    const change = await moduleChange(module, peftScale(settings, part, module.name));
    if (typeof change === "string")
      throw refuse(`${quote(module.name)} cannot be used, ${change}`, "CHECKPOINT_BROKEN");
    const misfit = misfitOf(change, target.weights[part]?.get(key));
    if (misfit !== undefined) throw refuse(`${misfit(module.name, key)}`, "MODEL_UNSUPPORTED");
    if (changes[part].has(key)) throw refuse(`two of its modules change "${key}"`, "CHECKPOINT_BROKEN");
    changes[part].set(key, change);
  }
  if (unmatched.length === modules.length + unknown.length) {
    throw refuse(`nothing in the model answers to its modules${first(unmatched)}`, "MODEL_UNSUPPORTED");
  }
  const { name, path: file, identity = file ?? name } = source;
  return { name, identity, changes, unmatched };
}

async function findIn(folder: Files): Promise<{ readonly source: ByteSource; readonly settings: PeftSettings }> {
  const names = await folder.list("the LoRA");
  const file = FILES.find((name) => names.has(name));
  if (file === undefined) {
    throw new CheckpointError(`Cannot open the LoRA "${folder.name}": it has neither of ${FILES.join(", ")}`, {
      code: "MODEL_NOT_FOUND",
    });
  }
  const settings = names.has(PEFT_CONFIG) ? await readJsonFile(await folder.open(PEFT_CONFIG)) : {};
  return { source: await folder.open(file), settings };
}

const first = ([name]: readonly string[]): string => (name === undefined ? "" : `, such as ${quote(name)}`);

/** Says what keeps a change from a weight; nothing where they go together. */
function misfitOf(
  { of, magnitude }: ModuleChange,
  weight: Weight | undefined,
): ((module: string, key: string) => string) | undefined {
  const [rows = 1, ...others] = weight?.shape ?? [];
  const columns = elementCount(others);
  const sizes = changeSizes(of);
  if (typeof sizes === "string") return (module) => `"${module}" cannot be used, ${sizes}`;
  if (sizes[0] !== rows || sizes[1] !== columns) {
    return (module, key) => {
      const what = `its "${module}" changes a weight of ${sizes[0]}×${sizes[1]}, the model's "${key}" is ${rows}×${columns}`;
      const isContext = key.endsWith("attn2.to_k.weight") || key.endsWith("attn2.to_v.weight");
      return isContext ? `${what}: it is for prompts of width ${sizes[1]}, the model's are ${columns} wide` : what;
    };
  }
  const lengths = magnitude && elementCount(magnitude.shape);
  if (lengths === undefined || lengths === rows || lengths === columns) return undefined;
  return (module) => `its "${module}" has ${lengths} magnitudes, ${rows} or ${columns} are required`;
}

/** Rows and columns of what is added, or what does not go together. */
function changeSizes(of: WeightChange["of"]): readonly [number, number] | string {
  switch (of.kind) {
    case "plain":
      return sizesOf(of.factor);
    case "hadamard": {
      const [a, b] = of.factors.map(sizesOf) as [readonly [number, number], readonly [number, number]];
      return a.join() === b.join() ? a : `its factors are ${a.join("×")} and ${b.join("×")}, the same size is required`;
    }
    case "kronecker": {
      const [a, b] = of.factors.map(sizesOf) as [readonly [number, number], readonly [number, number]];
      return [a[0] * b[0], a[1] * b[1]];
    }
  }
}
