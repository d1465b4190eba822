import type { ByteSource } from "../bytes/byte-source.ts";
import { CheckpointError } from "../errors.ts";
import type { Files } from "../files.ts";
import { checkBelow, folderError } from "./paths.ts";

/** The files of a table as a folder: the keys are paths, `source` opens the value under a name for messages. */
export function gatheredFiles<Value>(
  table: ReadonlyMap<string, Value>,
  name: string,
  source: (value: Value, name: string) => ByteSource | Promise<ByteSource>,
): Files {
  const below = (folder: string): Files => {
    const prefix = folder === "" ? "" : `${folder}/`;
    const title = folder === "" ? name : `${name}/${folder}`;
    const full = (path: string): string => prefix + checkBelow(title, path);
    const holds = (path: string): boolean => [...table.keys()].some((key) => key.startsWith(`${path}/`));
    return {
      name: title,
      async list(wanted = "the folder") {
        if (table.has(folder)) throw folderError(wanted, title, ": it is not a folder");
        const keys = [...table.keys()].filter((key) => key.startsWith(prefix));
        if (keys.length === 0 && folder !== "") throw folderError(wanted, title, ": there is no such folder");
        return new Set(keys.map((key) => key.slice(prefix.length).split("/", 1)[0] ?? ""));
      },
      async kind(path) {
        if (table.has(full(path))) return "file";
        return holds(full(path)) ? "folder" : undefined;
      },
      async open(path) {
        const value = table.get(full(path));
        if (value !== undefined) return await source(value, `${title}/${path}`);
        const reason = holds(full(path)) ? "it is not a file" : "there is no such file";
        throw new CheckpointError(`Cannot read "${title}/${path}": ${reason}`);
      },
      at: (path) => below(full(path)),
    };
  };
  return below("");
}
