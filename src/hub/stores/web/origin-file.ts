import { hubError } from "../../errors.ts";

/** A file of a page's own file system (OPFS) that is open for writing; nobody else opens it meanwhile. */
export interface OriginFile {
  /** Bytes that are there. */
  readonly size: number;
  read(at: number, length: number): Promise<Uint8Array>;
  /** Puts bytes behind what is there; all of them are there then, or it rejects. */
  append(bytes: Uint8Array): Promise<void>;
  truncate(): Promise<void>;
  /** Everything has reached the disk then. */
  close(): Promise<void>;
}

/** What the browser refuses, in one sentence. */
function fileError(path: string, cause: unknown): Error {
  if (Object(cause).name !== "QuotaExceededError") return new Error(`Cannot write "${path}"`, { cause });
  return hubError(
    "DOWNLOAD_FAILED",
    `Cannot write "${path}": the browser gives this page no more room; what has come is kept for the next time`,
    cause,
  );
}

/** What is asked of whoever holds the files; `file` is a number that whoever asks has chosen. */
export type FileQuestion =
  | { readonly kind: "open"; readonly file: number; readonly path: readonly string[] }
  | { readonly kind: "read"; readonly file: number; readonly at: number; readonly length: number }
  | { readonly kind: "append"; readonly file: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly file: number }
  | { readonly kind: "close"; readonly file: number };

/** What comes back: the bytes that the file has then, and those that were read. */
export interface FileAnswer {
  readonly size: number;
  readonly bytes?: Uint8Array<ArrayBuffer>;
}

/** Answers questions about files. */
export type AskFiles = (question: FileQuestion) => Promise<FileAnswer>;

let numbers = 0;

/** Opens the file at `path`, names from the root on, making it where it is not there. */
export async function openOriginFile(askAny: AskFiles, path: readonly string[]): Promise<OriginFile> {
  numbers += 1;
  const ask: AskFiles = async (question) => {
    try {
      return await askAny(question);
    } catch (cause) {
      throw fileError(path.join("/"), cause);
    }
  };
  const file = numbers;
  let { size } = await ask({ kind: "open", file, path });
  return {
    get size() {
      return size;
    },
    read: async (at, length) => (await ask({ kind: "read", file, at, length })).bytes ?? new Uint8Array(),
    async append(bytes) {
      ({ size } = await ask({ kind: "append", file, bytes }));
    },
    async truncate() {
      ({ size } = await ask({ kind: "truncate", file }));
    },
    close: async () => void (await ask({ kind: "close", file })),
  };
}
