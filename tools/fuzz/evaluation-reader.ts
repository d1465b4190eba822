import { finish } from "../../src/evaluation/finish.ts";
import { joinedSettings, mergeShards } from "../../src/evaluation/merge.ts";
import { resume } from "../../src/evaluation/resume.ts";
import { imageFile } from "../../src/evaluation/store/records.ts";
import { readSettings } from "../../src/evaluation/store/settings.ts";
import type { Store } from "../../src/evaluation/store/store.ts";
import { encodePng } from "../../src/image/png.ts";
import { plainImage } from "../../src/image/rgb-image.ts";
import { SEPARATOR } from "./reader.ts";

/** More images take longer than what is read of an evaluation: its folder would have to hold them. */
const MOST_IMAGES = 1000;

/** Goes on with an evaluation, merges it as the only shard, and writes its report. */
export async function takeUpEvaluation(bytes: Uint8Array): Promise<void> {
  const [settings = "", results = "", timings = ""] = new TextDecoder().decode(bytes).split(SEPARATOR);
  const files = { "settings.json": settings, "results.jsonl": results, "timings.jsonl": timings };
  const store = memoryStore({ ...files, ...IMAGES });
  const read = readSettings(store);
  if (read === undefined || read.count > MOST_IMAGES) return;
  const shard = { place: "CASE", store, settings: read };
  const merged = memoryStore({});
  const joined = joinedSettings([shard]);
  mergeShards([shard], merged);
  finish(merged, joined, { title: "CASE", machine: "none" });
  resume(store, { ...read, rows: [] }, []);
}

const PICTURE = encodePng(plainImage(1, 1));
const IMAGES = Object.fromEntries(
  ["off", "uniform:2:0"].flatMap((policy) => [0, 1].map((index) => [imageFile(policy, index), PICTURE])),
);

/** A store that begins with `contents`. */
export function memoryStore(contents: Readonly<Record<string, string | Uint8Array>>): Store {
  const files = new Map(Object.entries(contents).map(([name, content]) => [name, Buffer.from(content)]));
  const found = (name: string): Buffer => files.get(name) ?? Buffer.alloc(0);
  return {
    read: (name, begin = 0, end) => files.get(name)?.subarray(begin, end),
    size: (name) => files.get(name)?.length,
    write: (name, content) => void files.set(name, Buffer.from(content)),
    append: (name, content) => void files.set(name, Buffer.concat([found(name), Buffer.from(content)])),
    truncate: (name, size) => void files.set(name, Buffer.from(found(name).subarray(0, size))),
  };
}
