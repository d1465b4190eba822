/** Random access to the bytes of one file, wherever it lies. */
export interface ByteSource {
  /** What messages call it. */
  readonly name: string;
  /** What the spans of its tensors say: for a file, its path with every link resolved. */
  readonly path: string;
  /** Size in bytes. */
  readonly size: number;
  /** The bytes `offset … offset + length`; rejects with a CheckpointError where the source does not hold them all. */
  read(offset: number, length: number): Promise<Uint8Array>;
}
