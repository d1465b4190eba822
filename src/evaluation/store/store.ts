/** Files by name below one place; names of several parts are joined by "/". */
export interface Store {
  /** Bytes `begin` to `end` of a file, all where they are left out; undefined where there is no such file. */
  read(name: string, begin?: number, end?: number): Uint8Array | undefined;
  /** In bytes; undefined where there is no such file. */
  size(name: string): number | undefined;
  /** Replaces a file as a whole or not at all. */
  write(name: string, content: Uint8Array | string): void;
  /** Adds to the end of a file; a process killed meanwhile may leave a part. */
  append(name: string, content: Uint8Array | string): void;
  /** Cuts a file down to its first `size` bytes. */
  truncate(name: string, size: number): void;
}
