import { saver } from "../save.ts";
import { ENDINGS, type KeptPicture, type PictureStore } from "../store.ts";

/** How long and how many pictures are kept. */
export interface MemoryStoreOptions {
  readonly seconds?: number | undefined;
  /** Of all pictures together; the oldest go first. */
  readonly bytes?: number | undefined;
  /** Where pictures are written for good: nowhere where left out. */
  readonly folder?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

/** Pictures in memory, each for a while. */
export function memoryStore({
  seconds = 3600,
  bytes: most = 256 * 2 ** 20,
  folder,
  now = Date.now,
}: MemoryStoreOptions = {}): PictureStore {
  const kept = new Map<string, KeptPicture & { readonly until: number }>();
  let total = 0;
  const tidy = (): void => {
    for (const [name, { until, bytes }] of kept) {
      if (until > now() && total <= most) return; // those behind are younger
      kept.delete(name);
      total -= bytes.length;
    }
  };
  const save = saver(folder, now);
  return {
    async keep(picture) {
      await save(picture);
      const name = `${crypto.randomUUID()}.${ENDINGS[picture.type]}`;
      kept.set(name, { ...picture, until: now() + seconds * 1000 });
      total += picture.bytes.length;
      tidy();
      return name;
    },
    async find(name) {
      tidy();
      return kept.get(name);
    },
    save,
  };
}
