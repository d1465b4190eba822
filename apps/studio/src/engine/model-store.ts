/** A model that lies beside the page, file by file. */
export interface ServedModel {
  readonly name: string;
  /** Relative to the page, with a slash at its end. */
  readonly url: string;
  readonly files: readonly ServedFile[];
}

/** A file of it. */
export interface ServedFile {
  readonly path: string;
  readonly size: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** Bytes of all files of a model. */
export const sizeOf = ({ files }: ServedModel): number => files.reduce((sum, { size }) => sum + size, 0);

/** Whether this browser keeps files for this page; over HTTP, none does. */
export const keepsFiles = (): boolean => "locks" in navigator && "getDirectory" in (navigator.storage ?? {});

/** Whether something failed since there is no more room for the page. */
export const isNoRoom = (error: unknown): boolean =>
  error instanceof Error && (error.name === "QuotaExceededError" || isNoRoom(error.cause));

/** Bytes as people are told of them. */
export const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
