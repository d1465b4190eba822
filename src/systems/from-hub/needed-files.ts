import { CheckpointError } from "../../checkpoint/errors.ts";
import type { Files } from "../../checkpoint/files.ts";
import { MODEL_INDEX } from "../../checkpoint/folder/index-file.ts";
import { readModelIndex } from "../../checkpoint/folder/model-index.ts";
import { shardNames } from "../../checkpoint/folder/shards.ts";
import { TOKENIZER_FILES } from "../../checkpoint/folder/tokenizer-names.ts";
import { FALLBACK_VARIANT, findWeightFiles } from "../../checkpoint/folder/weight-files.ts";
import { isPipelineClass, unknownPipeline } from "../published-defaults.ts";
import { PROFILE_FILE } from "../recommended/own-profile.ts";
import { RECOMMENDED_FILE } from "../recommended/recommended.ts";
import { adapterFile, hasCheckpoint, onlyCheckpoint } from "./only-file.ts";

/** What something is opened as, which says what of it is needed. */
export type Purpose = "model" | "configs" | "refiner" | "network" | "lora" | "embedding" | "any";

/** What of a repository is needed, and what is opened of it then. */
export interface Needed {
  /** In the order in which they appear in the cache: what says that all is there comes last. */
  readonly paths: readonly string[];
  readonly kind: "folder" | "file";
  /** The file or folder that is opened; "" for the repository itself. */
  readonly path: string;
  /** Whether the file was chosen since there is no other, which of a part of a repository says nothing. */
  readonly isGuess?: boolean;
}

/** How files are chosen among those that hold the same. */
export interface Choosing {
  readonly purpose: Purpose;
  readonly variant?: string | undefined;
  /** Downloads take less time at half the size; what is there already is read as any folder is. */
  readonly prefers: "small" | "plain";
}

const NETWORKS = ["unet", "vae", "vqvae", "text_encoder", "text_encoder_2"];
const TOKENIZERS = ["tokenizer", "tokenizer_2"];
const SCHEDULER_FILE = "scheduler_config.json";
const BESIDE = [RECOMMENDED_FILE, PROFILE_FILE];
const LORA_FILES = ["pytorch_lora_weights.safetensors", "adapter_model.safetensors"];
const EMBEDDING_FILES = ["learned_embeds.safetensors", "learned_embeds.bin"];
const LORA_SETTINGS = "adapter_config.json";

/** What of the folder `files`, in a repository or in the cache, is needed; refuses what cannot be opened as that. */
export async function neededFiles(files: Files, choosing: Choosing): Promise<Needed> {
  const names = await files.list("the model");
  switch (choosing.purpose) {
    case "network":
      if (names.has("config.json")) return whole(await networkFiles(files, names, choosing));
      return single(onlyCheckpoint(files.name, names, choosing.variant));
    case "lora": {
      const [known] = LORA_FILES.filter((name) => names.has(name));
      if (known === undefined) return single(adapterFile(files.name, names, "LoRA"));
      return whole([...present(names, [LORA_SETTINGS]), known]);
    }
    case "embedding":
      return embeddingFile(names) ?? single(adapterFile(files.name, names, "embedding"));
    default:
      if (names.has(MODEL_INDEX)) return whole(await pipelineFiles(files, names, choosing));
      if (names.has("config.json") && names.has(SCHEDULER_FILE)) {
        return whole([...(await networkFiles(files, names, choosing)), SCHEDULER_FILE, ...present(names, BESIDE)]);
      }
      if (choosing.purpose === "any" && names.has("config.json"))
        return whole(await networkFiles(files, names, choosing));
      if (choosing.purpose === "any" && !hasCheckpoint(names)) return single(adapterFile(files.name, names, "LoRA"));
      return single(onlyCheckpoint(files.name, names, choosing.variant));
  }
}

const whole = (paths: readonly string[]): Needed => ({ paths, kind: "folder", path: "" });
const single = (path: string): Needed => ({ paths: [path], kind: "file", path, isGuess: true });

/** What diffusers calls an embedding's file; safetensors before a pickle. */
function embeddingFile(names: ReadonlySet<string>): Needed | undefined {
  const [path] = present(names, EMBEDDING_FILES);
  return path === undefined ? undefined : { paths: [path], kind: "file", path };
}

const present = (names: ReadonlySet<string>, wanted: readonly string[]): readonly string[] =>
  wanted.filter((name) => names.has(name));

/** The files of a model in diffusers' layout; one of another class is refused before anything large is asked for. */
async function pipelineFiles(files: Files, names: ReadonlySet<string>, choosing: Choosing): Promise<readonly string[]> {
  const { className, components } = await readModelIndex(files, names);
  if (!isPipelineClass(className)) throw unknownPipeline(files.name, className);
  const has = (name: string): boolean => components.get(name) != null;
  // What a refiner's pictures are decoded by is the base's.
  const networks = NETWORKS.filter((name) => has(name) && !(choosing.purpose === "refiner" && name === "vae"));
  const found: string[] = [];
  const add = (folder: string, inFolder: readonly string[]): void => {
    found.push(...inFolder.map((path) => `${folder}/${path}`));
  };
  for (const name of TOKENIZERS.filter(has)) add(name, await tokenizerFiles(files.at(name)));
  add("scheduler", [SCHEDULER_FILE]);
  for (const name of networks) {
    const folder = files.at(name);
    add(name, await networkFiles(folder, await folder.list("the component"), choosing));
  }
  return [...found, ...present(names, BESIDE), MODEL_INDEX];
}

async function tokenizerFiles(files: Files): Promise<readonly string[]> {
  const found = present(await files.list("the tokenizer"), TOKENIZER_FILES);
  const has = (name: string): boolean => found.includes(name);
  if (has("tokenizer.json") || (has("vocab.json") && has("merges.txt"))) return found;
  throw new CheckpointError(
    `Cannot read the tokenizer "${files.name}": it has neither a tokenizer.json nor a vocabulary`,
  );
}

/** A network's settings and its weights, in one format and one precision. */
async function networkFiles(
  files: Files,
  names: ReadonlySet<string>,
  { purpose, variant, prefers }: Choosing,
): Promise<readonly string[]> {
  if (!names.has("config.json")) {
    throw new CheckpointError(`Cannot read the component "${files.name}": it has no config.json`);
  }
  if (purpose === "configs") return ["config.json"];
  const order = prefers === "small" ? [FALLBACK_VARIANT, undefined] : [undefined, FALLBACK_VARIANT];
  const found = findWeightFiles(files.name, names, variant ?? order);
  if (found.kind === "single") return ["config.json", found.name];
  return ["config.json", found.name, ...(await shardNames(await files.open(found.name)))];
}
