import { filesOf } from "../checkpoint/files/place.ts";
import type { Files, FolderLike } from "../checkpoint/files.ts";
import type { ModelIndex } from "../checkpoint/folder/model-index.ts";
import { readJsonFile } from "../checkpoint/text/json-file.ts";
import { readSchedulerConfig, type SchedulerConfig } from "../diffusion/scheduler-config.ts";
import { readModelFolder } from "./model-folder.ts";
/** The scheduler config of a model folder. */
export async function openScheduler(folder: FolderLike): Promise<SchedulerConfig> {
  const { files, index } = await readModelFolder(filesOf(folder));
  return readScheduler(files.at("scheduler"), index);
}

/** The scheduler_config.json of the folder that it lies in, of the class that the model's index names. */
export async function readScheduler(files: Files, index?: ModelIndex): Promise<SchedulerConfig> {
  const source = await files.open("scheduler_config.json");
  return readSchedulerConfig(await readJsonFile(source), source.name, index?.components.get("scheduler")?.className);
}
