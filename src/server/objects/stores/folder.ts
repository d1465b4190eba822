import { nodeFiles } from "../../../checkpoint/files/node.ts";
import { checkObjectName, type ObjectStore } from "../object-store.ts";

/** Files in a folder that every machine has at this path. */
export function folderObjects(path: string): ObjectStore {
  const files = nodeFiles(path);
  return {
    put: async (name, bytes) => await files.write(checkObjectName(name), [bytes]),
    async get(name) {
      if ((await files.kind(checkObjectName(name))) !== "file") return undefined;
      try {
        const source = await files.open(name);
        return Uint8Array.from(await source.read(0, source.size));
      } catch (error) {
        if ((await files.kind(name)) === undefined) return undefined; // removed meanwhile
        throw error;
      }
    },
    remove: async (name) => await files.remove(checkObjectName(name)),
    async list(folder) {
      if ((await files.kind(checkObjectName(folder))) !== "folder") return [];
      const names = [...(await files.at(folder).list())].sort();
      return names.map((name) => `${folder}/${name}`);
    },
  };
}
