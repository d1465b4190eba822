import type { Hub } from "../../hub/hub.ts";
import { type RepoReference, referenceName } from "../../hub/reference.ts";
import { fileUrl } from "../../hub/repo/listing.ts";
import { repository } from "../../hub/repo/repository.ts";
import type { ServedFolder } from "../places/model-place.ts";
import { chosenFiles, type HubOpening } from "./open-from-hub.ts";

/** What a name stands for where nothing of it is to be kept: its files at the hub's own addresses, which are read in part. */
export async function readInPlace(reference: RepoReference, opening: HubOpening, hub: Hub): Promise<ServedFolder> {
  const { token } = hub.settings;
  const { commit, files, sizeOf } = await repository(reference, hub).remote();
  const { kind, path, paths } = await chosenFiles(files, reference, { ...opening, prefers: "small" });
  const total = paths.reduce((sum, each) => sum + (sizeOf(each) ?? 0), 0);
  const name = referenceName(reference);
  hub.onProgress?.({
    ...{ name, file: "", fileLoaded: 0, fileTotal: undefined },
    ...{ loaded: 0, total, rate: 0, remaining: undefined },
  });
  const below = path === "" ? "" : `${path}/`;
  return {
    url: fileUrl(reference, commit, path, hub).href,
    ...(kind === "file" ? {} : { files: paths.map((each) => each.slice(below.length)) }),
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
  };
}
