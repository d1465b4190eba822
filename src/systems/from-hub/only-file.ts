import { CheckpointError } from "../../checkpoint/errors.ts";

const MODEL_FILE = /\.(?:safetensors|ckpt|pth)$/i;
const SAFE = /\.safetensors$/i;
const ADAPTER_FILE = /\.(?:safetensors|bin|pt)$/i;
/** Names that a repository repeats so many of. */
const MOST_NAMED = 8;

/** Whether any of these files could be a model. */
export const hasCheckpoint = (names: ReadonlySet<string>): boolean => [...names].some((file) => MODEL_FILE.test(file));

/** The one checkpoint of a repository; of several, it cannot be told which is meant. */
export function onlyCheckpoint(name: string, names: ReadonlySet<string>, variant: string | undefined): string {
  const all = [...names].filter((file) => MODEL_FILE.test(file));
  const files = variant === undefined ? all : all.filter((file) => file.includes(`.${variant}.`));
  return only(safeFirst(files), name, "it has neither a model_index.json nor a file of weights (.safetensors, .ckpt)");
}

/** The one file of a repository that can be a LoRA, or an embedding. */
export function adapterFile(name: string, names: ReadonlySet<string>, what: "LoRA" | "embedding"): string {
  const files = safeFirst([...names].filter((file) => ADAPTER_FILE.test(file)));
  return only(files, name, `it has no file that could be a${what === "LoRA" ? "" : "n"} ${what}`);
}

/** The same weights are often there in both formats, under one name. */
function safeFirst(files: readonly string[]): readonly string[] {
  const stem = (file: string): string => file.replace(/\.\w+$/, "");
  const safe = new Set(files.filter((file) => SAFE.test(file)).map(stem));
  return files.filter((file) => SAFE.test(file) || !safe.has(stem(file)));
}

function only(files: readonly string[], name: string, missing: string): string {
  const [first, ...others] = [...files].sort();
  if (first === undefined)
    throw new CheckpointError(`Cannot open "${name}": ${missing}`, { code: "MODEL_UNSUPPORTED" });
  if (others.length === 0) return first;
  const [, id = name, revision = ""] = /^([^@]+)(@.+)?$/.exec(name) ?? [];
  const shown = [first, ...others].slice(0, MOST_NAMED).join(", ");
  const more = files.length > MOST_NAMED ? `, and ${files.length - MOST_NAMED} more` : "";
  throw new CheckpointError(
    `Cannot open "${name}": it has several files, name one as in "${id}/${first}${revision}": ${shown}${more}`,
    {
      code: "MODEL_NOT_FOUND",
    },
  );
}
