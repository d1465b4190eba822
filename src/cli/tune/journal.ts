import { rmSync } from "node:fs";
import { jsonLines, readJsonLines } from "../../evaluation/store/json-lines.ts";
import type { Store } from "../../evaluation/store/store.ts";
import { folderStore } from "../../evaluation/store/stores/folder.ts";
import type { TuningMemory } from "../../tuning/tuning.ts";
import { UsageError } from "../flags/usage.ts";

/** The trials of a search on disk, so that a search that was stopped goes on where it was. */
export interface Journal extends TuningMemory {
  /** Trials that are known from before. */
  readonly known: number;
  /** Removes the folder. */
  remove(): void;
}

const TRIALS = "trials.jsonl";

interface Entry {
  readonly key: string;
  readonly value: unknown;
}

const isEntry = (value: unknown): value is Entry =>
  typeof value === "object" && value !== null && "key" in value && typeof value.key === "string" && "value" in value;

/** The journal in `folder`, of a search with these settings; one with others is refused. */
export const openJournal = (folder: string, settings: string): Journal => ({
  ...journalIn(folderStore(folder), folder, settings),
  remove: () => rmSync(folder, { recursive: true, force: true }),
});

/** The trials in `store`, which messages call `folder`. */
export function journalIn(store: Store, folder: string, settings: string): Omit<Journal, "remove"> {
  const entries = new Map<string, unknown>();
  let end = 0;
  for (const line of readJsonLines(store, TRIALS)) {
    if (isEntry(line.value)) entries.set(line.value.key, line.value.value);
    end = line.end;
  }
  if ((store.size(TRIALS) ?? 0) > end) store.truncate(TRIALS, end); // what a kill has torn
  const keep = (key: string, value: unknown): void => {
    entries.set(key, value);
    store.append(TRIALS, jsonLines([{ key, value }]));
  };
  const there = entries.get("settings");
  if (there === undefined) keep("settings", settings);
  else if (there !== settings) {
    throw new UsageError(
      `Cannot go on with the search in "${folder}": it was begun with other settings; give these, another --output, or delete the folder`,
    );
  }
  return {
    known: entries.size - 1,
    async recall<T>(key: string, isValue: (value: unknown) => value is T, find: () => Promise<T>): Promise<T> {
      if (!isValue(entries.get(key))) keep(key, await find());
      // What is kept is what JSON makes of it, now and when it is read again.
      return JSON.parse(JSON.stringify(entries.get(key))) as T;
    },
  };
}
