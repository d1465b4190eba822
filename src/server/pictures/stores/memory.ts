import { writeInFolder } from "../../../image/files.ts";
import type { KeptPicture, PictureStore } from "../store.ts";

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

const ENDINGS = { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp" } as const;

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
  const save = async ({ bytes, type }: KeptPicture): Promise<boolean> => {
    if (folder === undefined) return false;
    const time = new Date(now()).toISOString().replace(/[:.]/g, "-");
    await writeInFolder(`${folder}/${time}-${crypto.randomUUID().slice(0, 8)}.${ENDINGS[type]}`, bytes);
    return true;
  };
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
