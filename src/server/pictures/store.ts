import type { ImageType } from "../../image/encode-image.ts";

/** A file that a client may fetch by its address. */
export interface KeptPicture {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: ImageType;
}

/** Pictures that are given by address rather than in the answer. */
export interface PictureStore {
  /** Keeps a picture for a while, and gives the name under which it is found: one that nobody guesses. */
  keep(picture: KeptPicture): Promise<string>;
  find(name: string): Promise<KeptPicture | undefined>;
  /** Writes a picture for good where the server has a folder for it; whether it has. */
  save(picture: KeptPicture): Promise<boolean>;
}
