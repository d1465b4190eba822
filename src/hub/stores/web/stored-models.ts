import { hubError } from "../../errors.ts";
import { askFiles } from "./ask-files.ts";
import { type OriginTree, originTree } from "./origin-tree.ts";
import { HUB_FOLDER } from "./web-store.ts";

/** A model that the browser keeps for this page. */
export interface StoredModel {
  /** "org/name". */
  readonly id: string;
  /** Bytes of all of its files, also of what is on its way. */
  readonly size: number;
  /** Bytes of what is on its way. */
  readonly incomplete: number;
}

const PREFIX = "models--";

const root = (): OriginTree => originTree(askFiles(), HUB_FOLDER);

/** The models of the hub that the browser keeps for this page. */
export async function storedModels(): Promise<readonly StoredModel[]> {
  const tree = root();
  const files = await tree.files();
  const names = files === undefined ? [] : [...(await files.list())].filter((name) => name.startsWith(PREFIX));
  return await Promise.all(
    names.sort().map(async (name) => {
      const blobs = await tree.at(name).at("blobs").files();
      let [size, incomplete] = [0, 0];
      for (const blob of blobs === undefined ? [] : await blobs.list()) {
        const bytes = (await blobs?.open(blob))?.size ?? 0;
        size += bytes;
        if (blob.endsWith(".incomplete")) incomplete += bytes;
      }
      return { id: name.slice(PREFIX.length).replaceAll("--", "/"), size, incomplete };
    }),
  );
}

/** Removes a model that the browser keeps for this page. */
export async function removeStoredModel(id: string): Promise<void> {
  const name = `${PREFIX}${id.replaceAll("/", "--")}`;
  const tree = root();
  if ((await (await tree.files())?.kind(name)) !== "folder") {
    throw hubError("MODEL_NOT_FOUND", `Cannot remove "${id}": the browser does not keep it`);
  }
  await (await tree.handle()).removeEntry(name, { recursive: true });
}
