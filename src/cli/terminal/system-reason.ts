/** What errors of the file system mean, by their codes. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EBUSY: "it is in use",
  EDQUOT: "the quota of disk space is used up",
  EEXIST: "there is one already",
  EFBIG: "it would become too large",
  EIO: "the disk failed",
  EISDIR: "it is a folder",
  ELOOP: "its links lead in a circle",
  EMFILE: "too many files are open, ulimit -n says how many may be",
  ENAMETOOLONG: "its name is too long",
  ENFILE: "too many files are open on this machine",
  ENOENT: "no such file or folder",
  ENOSPC: "no space is left on the disk",
  ENOTDIR: "a part of its path is no folder",
  ENOTEMPTY: "the folder is not empty",
  EPERM: "it is not permitted",
  EPIPE: "nobody reads it",
  EROFS: "the disk is read-only",
  EXDEV: "it lies on another disk",
};

/** Why the system refused, in words; undefined of other errors. */
export function systemReason(error: Error): string | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return undefined;
  return REASONS[code] ?? error.message;
}
