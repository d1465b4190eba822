import type { ImageType } from "../../../image/encode-image.ts";
import { expiringName, isExpired } from "../../objects/expiring-names.ts";
import { type ObjectStore, PICTURES } from "../../objects/object-store.ts";
import { saver } from "../save.ts";
import { ENDINGS, PICTURE_NAME, type PictureStore } from "../store.ts";
import type { MemoryStoreOptions } from "./memory.ts";

/** Pictures where several servers find them, each for a while. */
export function sharedStore(
  objects: ObjectStore,
  { seconds = 3600, folder, now = Date.now }: Omit<MemoryStoreOptions, "bytes"> = {},
): PictureStore {
  const save = saver(folder, now);
  return {
    async keep(picture) {
      await save(picture);
      const name = expiringName(PICTURES, now() + seconds * 1000, `.${ENDINGS[picture.type]}`);
      await objects.put(name, picture.bytes, picture.type);
      return name.slice(PICTURES.length + 1);
    },
    async find(name) {
      if (!PICTURE_NAME.test(name) || isExpired(name, now())) return undefined;
      const bytes = await objects.get(`${PICTURES}/${name}`);
      return bytes && { bytes, type: typeOf(name) };
    },
    save,
  };
}

const typeOf = (name: string): ImageType => {
  const found = Object.entries(ENDINGS).find(([, ending]) => name.endsWith(`.${ending}`));
  return (found?.[0] ?? "image/png") as ImageType;
};
