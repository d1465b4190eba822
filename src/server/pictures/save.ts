import { writeInFolder } from "../../image/files.ts";
import { ENDINGS, type KeptPicture } from "./store.ts";

/** Writes pictures to `folder` for good, under names of the server's own; nowhere where there is none. */
export const saver =
  (folder: string | undefined, now: () => number) =>
  async ({ bytes, type }: KeptPicture): Promise<boolean> => {
    if (folder === undefined) return false;
    const time = new Date(now()).toISOString().replace(/[:.]/g, "-");
    await writeInFolder(`${folder}/${time}-${crypto.randomUUID().slice(0, 8)}.${ENDINGS[type]}`, bytes);
    return true;
  };
