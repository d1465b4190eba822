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

/** How the names of pictures end. */
export const ENDINGS = { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp" } as const satisfies Readonly<
  Record<ImageType, string>
>;

/** What names look like that pictures are given under: nobody guesses them, so that they need no key. */
export const PICTURE_NAME = /^(?:\d{10}-)?[0-9a-f]{8}-[0-9a-f-]{27}\.(?:png|jpg|webp)$/;
