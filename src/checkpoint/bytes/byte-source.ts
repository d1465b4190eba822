/** What has become of a file: as it was, another or none under its name, or itself with other bytes. */
export type SourceState = "same" | "replaced" | "removed" | "changed";

/** Random access to the bytes of one file, wherever it lies. */
export interface ByteSource {
  /** What messages call it. */
  readonly name: string;
  /** Where it is a file on disk: its path with every link resolved, from which ONNX Runtime reads by itself. */
  readonly path?: string | undefined;
  /** Tells it from other files and from other versions of itself; undefined where nothing does but its bytes. */
  readonly identity?: string | undefined;
  /** Size in bytes. */
  readonly size: number;
  /** The bytes `offset … offset + length`; rejects with a CheckpointError where the source does not hold them all. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** The same bytes as a Blob, of which nothing is read before somebody asks; missing where that would cost a copy. */
  blob?(offset: number, length: number): Promise<Blob>;
  /** What has become of the bytes since the source was opened; missing where nothing can. */
  state?(): SourceState;
}
