import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Form } from "../form.ts";
import type { DoneEvaluation } from "../run-state.ts";

/** A pair of pictures that was made, as it is kept. */
export interface HistoryEntry {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly made: number;
  readonly form: Form;
  /** What the accelerated run is called. */
  readonly name: string;
  readonly original: Blob;
  readonly accelerated: Blob;
  /** Seconds of denoising. */
  readonly seconds: readonly [number, number];
  readonly psnr: number;
  readonly ssim: number;
  /** Of both runs, what the page says beside their pictures. */
  readonly lanes: readonly [HistoryLane, HistoryLane];
}

/** What is kept of a run beside its picture. */
export interface HistoryLane {
  readonly evaluations: readonly DoneEvaluation[];
  readonly speedup: number;
  readonly sampler: string;
  readonly steps: number;
}

interface Schema extends DBSchema {
  readonly entries: { key: string; value: HistoryEntry; indexes: { made: number } };
}

/** Pictures that are kept in this browser, the newest first. */
export interface HistoryStore {
  list(): Promise<readonly HistoryEntry[]>;
  /** Keeps an entry, and lets go of the oldest beyond the most. */
  add(entry: HistoryEntry): Promise<void>;
  remove(id: string): Promise<void>;
  close(): void;
}

/** As many as the strip shows. */
export const MOST_KEPT = 200;

/** The history of this browser. */
export async function openHistory(name = "deepcache-studio", most = MOST_KEPT): Promise<HistoryStore> {
  const base: IDBPDatabase<Schema> = await openDB<Schema>(name, 1, {
    upgrade(fresh) {
      fresh.createObjectStore("entries", { keyPath: "id" }).createIndex("made", "made");
    },
  });
  return {
    async list() {
      return (await base.getAllFromIndex("entries", "made")).reverse();
    },
    async add(entry) {
      const change = base.transaction("entries", "readwrite");
      await change.store.put(entry);
      const keys = await change.store.index("made").getAllKeys();
      for (const key of keys.slice(0, Math.max(0, keys.length - most))) await change.store.delete(key);
      await change.done;
    },
    remove: (id) => base.delete("entries", id),
    close: () => base.close(),
  };
}
