import { CheckpointError } from "../checkpoint/errors.ts";
import { type FileLike, type FolderLike, isFiles } from "../checkpoint/files.ts";

/** `place` as a folder; where it is known to be a file, it is refused. */
export function asFolder(place: FolderLike | FileLike): FolderLike {
  if (typeof place === "string" || "title" in place || isFiles(place)) return place;
  throw new CheckpointError(`Cannot read the model "${place.name}": it is a file, a folder is required`, {
    code: "MODEL_UNSUPPORTED",
  });
}
