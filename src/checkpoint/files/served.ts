import type { ByteSource } from "../bytes/byte-source.ts";
import { type ServedOptions, servedSource } from "../bytes/byte-sources/served.ts";
import { CheckpointError } from "../errors.ts";
import type { Files } from "../files.ts";
import { MODEL_INDEX } from "../folder/index-file.ts";
import { TOKENIZER_FILES } from "../folder/tokenizer-names.ts";
import { weightFileGroups } from "../folder/weight-files.ts";
import { gatheredFiles } from "./gathered.ts";
import { checkBelow, folderError } from "./paths.ts";

/** How a folder on a server is read. */
export interface ServedFilesOptions extends Pick<ServedOptions, "onFetched" | "known" | "headers"> {
  /**
   * The paths of all its files. Servers do not list folders: where this is left out, files are looked for under the names that
   * models have, beginning with model_index.json.
   */
  readonly files?: readonly string[] | undefined;
  /** Look for weights that are published under this variant, such as "fp16". */
  readonly variant?: string | undefined;
}

/** A folder on a server, whose files lie below `base`. The server answers requests for ranges of bytes. */
export function servedFiles(
  base: string | URL,
  { files, variant, onFetched, known, headers }: ServedFilesOptions = {},
): Files {
  const root = String(base).replace(/\/*$/, "/");
  const title = root.slice(0, -1);
  const found = new Map<string, Promise<ByteSource | undefined>>();
  const source = (path: string): Promise<ByteSource | undefined> => {
    const before = found.get(path);
    if (before !== undefined) return before;
    const url = root + path.split("/").map(encodeURIComponent).join("/");
    const opening = servedSource(url, { name: `${title}/${path}`, onFetched, known, headers });
    opening.catch(() => found.delete(path)); // a later look tries again
    found.set(path, opening);
    return opening;
  };
  const open = async (path: string): Promise<ByteSource> => {
    const opened = await source(path);
    if (opened !== undefined) return opened;
    throw new CheckpointError(`Cannot read "${title}/${path}": there is no such file`);
  };
  if (files !== undefined) {
    return gatheredFiles(new Map(files.map((path) => [checkBelow(title, path), path])), title, open);
  }
  const below = (folder: string): Files => {
    const name = folder === "" ? title : `${title}/${folder}`;
    const full = (path: string): string => (folder === "" ? "" : `${folder}/`) + checkBelow(name, path);
    const has = async (path: string): Promise<boolean> => (await source(full(path))) !== undefined;
    return {
      name,
      async list(wanted = "the folder") {
        const names = folder === "" ? await rootNames(has, below("")) : undefined;
        const listed = names ?? (await namesFound(has, folder, variant));
        if (listed.size > 0) return listed;
        throw folderError(wanted, name, ": the server has no file there under a name that models have");
      },
      kind: async (path) => ((await has(path)) ? "file" : undefined),
      open: async (path) => await open(full(path)),
      at: (path) => below(full(path)),
    };
  };
  return below("");
}

type Has = (path: string) => Promise<boolean>;

/** Beside model_index.json in the folder of a model. */
const BESIDE = ["generation_config.json", "deepcache_profile.json"];

/** What lies in the folder of a model: the components that its index names. Nothing where there is no index. */
async function rootNames(has: Has, files: Files): Promise<ReadonlySet<string> | undefined> {
  if (!(await has(MODEL_INDEX))) return undefined;
  const source = await files.open(MODEL_INDEX);
  const index: unknown = JSON.parse(new TextDecoder().decode(await source.read(0, source.size)));
  const components = Object.entries(Object(index)).flatMap(([name, value]) => (isComponent(value) ? [name] : []));
  return new Set([MODEL_INDEX, ...components, ...(await existing(has, BESIDE))]);
}

const isComponent = (value: unknown): boolean => Array.isArray(value) && typeof value[0] === "string";

/** The names under which a component has its files, as far as they are there; of weights, what would be read alone. */
async function namesFound(has: Has, folder: string, variant: string | undefined): Promise<ReadonlySet<string>> {
  if (/(^|\/)scheduler[^/]*$/.test(folder)) return new Set(await existing(has, ["scheduler_config.json"]));
  if (/(^|\/)tokenizer[^/]*$/.test(folder)) return new Set(await existing(has, TOKENIZER_FILES));
  const configs = await existing(has, ["config.json"]);
  // A vocabulary on its own lies in a folder of any name.
  const words = folder === "" && configs.length === 0 ? await existing(has, TOKENIZER_FILES) : [];
  if (words.length > 0) return new Set(words);
  const isOfTransformers = /encoder|checker/.test(folder);
  const names = weightFileGroups(variant).flatMap((group) => group.map(({ name }) => name));
  const likely = isOfTransformers ? names.filter((name) => !name.startsWith("diffusion_")) : names;
  for (const name of likely) if (await has(name)) return new Set([...configs, name]);
  return new Set(configs);
}

async function existing(has: Has, names: readonly string[]): Promise<readonly string[]> {
  const there = await Promise.all(names.map(has));
  return names.filter((_, i) => there[i]);
}
