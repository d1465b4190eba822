import { quote } from "../bytes/limits.ts";
import { CheckpointError } from "../errors.ts";
import { filesOf } from "../files/place.ts";
import type { FolderLike } from "../files.ts";
import { readJsonFile } from "../text/json-file.ts";
import { MODEL_INDEX } from "./index-file.ts";

/** The class that a component's folder is to be loaded as. */
export interface ComponentClass {
  /** "diffusers", "transformers", or the folder's own Python module. */
  readonly library: string;
  readonly className: string;
}

/** What a diffusers model is made of. */
export interface ModelIndex {
  readonly className: string;
  /** By name, which is also the name of the folder; null where the model goes without, as most do without safety_checker. */
  readonly components: ReadonlyMap<string, ComponentClass | null>;
  /** The pipeline's own settings, such as `force_zeros_for_empty_prompt`. */
  readonly options: ReadonlyMap<string, unknown>;
}

/** Reads model_index.json of a model in diffusers' layout; `names` are those of its folder, listed where left out. */
export async function readModelIndex(folder: FolderLike, names?: ReadonlySet<string>): Promise<ModelIndex> {
  const files = filesOf(folder);
  if (!(names ?? (await files.list("the model"))).has(MODEL_INDEX)) {
    throw new CheckpointError(
      `Cannot read the model "${files.name}": it has no ${MODEL_INDEX}, so it is not in diffusers' layout`,
      { code: "MODEL_UNSUPPORTED" },
    );
  }
  const source = await files.open(MODEL_INDEX);
  const path = source.name;
  const { _class_name: className, ...entries } = (await readJsonFile(source)) as { readonly _class_name?: unknown };
  if (typeof className !== "string") throw new CheckpointError(`Cannot read "${path}": it has no _class_name`);
  const components = new Map<string, ComponentClass | null>();
  const options = new Map<string, unknown>();
  for (const [name, value] of Object.entries<unknown>(entries)) {
    if (name.startsWith("_")) continue; // the writer's notes, such as _diffusers_version
    if (Array.isArray(value)) components.set(name, parseComponent(value, name, path));
    else options.set(name, value);
  }
  return { className, components, options };
}

function parseComponent(value: readonly unknown[], name: string, path: string): ComponentClass | null {
  if (!/^\w[\w.-]*$/.test(name)) {
    throw new CheckpointError(`Cannot read "${path}": component ${quote(name)} does not name a folder`);
  }
  const [library, className] = value;
  if (value.length === 2 && library === null && className === null) return null;
  if (value.length === 2 && typeof library === "string" && typeof className === "string") return { library, className };
  throw new CheckpointError(
    `Cannot read "${path}": component ${quote(name)} is ${quote(value)}, not a library and a class`,
  );
}
