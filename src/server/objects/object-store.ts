/** Files that several machines see, by names such as `pictures/1795857600-….png`: parts of letters, digits, ".", "-", "_" with "/" between. */
export interface ObjectStore {
  /** Keeps a file as a whole or not at all; one of the same name is replaced. */
  put(name: string, bytes: Uint8Array, type?: string): Promise<void>;
  /** The bytes of a file; undefined where there is none. */
  get(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Removes a file, if there is one. */
  remove(name: string): Promise<void>;
  /** Names of files directly in `folder`, the first thousand or more in their order; none where they go by themselves. */
  list(folder: string): Promise<readonly string[]>;
}

/** `name`, refusing one that could lead elsewhere. */
export function checkObjectName(name: string): string {
  if (/^[\w.-]+(\/[\w.-]+)*$/.test(name) && !/(^|\/)\.+(\/|$)/.test(name)) return name;
  throw new RangeError(
    `Cannot use the name ${JSON.stringify(name.slice(0, 100))}: parts of letters, digits, ".", "-" and "_" with "/" between are required`,
  );
}

/** Where what jobs were sent and have made lies, among other files. */
export const JOBS = "jobs";

/** Where pictures lie that were given by address. */
export const PICTURES = "pictures";
