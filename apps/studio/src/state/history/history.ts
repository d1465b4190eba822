import { signal } from "@preact/signals";
import { onMade } from "../make.ts";
import { denoiseSeconds, type Pair } from "../run-state.ts";
import { isBusy, notice, pair, status } from "../session.ts";
import { type HistoryEntry, type HistoryStore, openHistory } from "./history-store.ts";

/** Pairs that are kept, the newest first. */
export const entries = signal<readonly HistoryEntry[]>([]);
/** The entry that is looked at. */
export const chosen = signal<HistoryEntry | undefined>(undefined);

/** The entry whose picture stays beside the pair in the centre, whichever that is. */
export const beside = signal<HistoryEntry | undefined>(undefined);

let store: HistoryStore | undefined;

/** Reads what is kept, and keeps what is made from now on. */
export async function readHistory(): Promise<void> {
  onMade((made) => void keep(made));
  try {
    store = await openHistory();
    entries.value = await store.list();
  } catch {
    notice.value = "This browser keeps nothing for this page, so the history ends with this visit.";
  }
}

async function keep(made: Pair): Promise<void> {
  const [original, accelerated] = made.lanes;
  if (original.image === undefined || accelerated.image === undefined || made.closeness === undefined) return;
  const entry: HistoryEntry = {
    ...{ id: crypto.randomUUID(), made: Date.now(), form: made.form, name: accelerated.name, ...made.closeness },
    ...{ original: original.image, accelerated: accelerated.image },
    seconds: [denoiseSeconds(original), denoiseSeconds(accelerated)],
    lanes: [lookOf(original), lookOf(accelerated)],
  };
  entries.value = [entry, ...entries.value];
  chosen.value = entry;
  await store?.add(entry).catch(() => {
    notice.value = "There is no room left in this browser for the newest picture: save it, or remove older ones.";
  });
}

const lookOf = ({ evaluations, result }: Pair["lanes"][number]): HistoryEntry["lanes"][number] => ({
  evaluations,
  speedup: result?.speedup ?? 1,
  sampler: result?.sampler ?? "",
  steps: result?.steps ?? evaluations.length,
});

/** Shows an entry in the centre of the page. */
export function show(entry: HistoryEntry): void {
  if (isBusy.value) return;
  chosen.value = entry;
  const lane = (i: 0 | 1, name: string, image: Blob): Pair["lanes"][number] => {
    const { evaluations, ...took } = entry.lanes[i];
    const full = evaluations.flatMap((evaluation, index) => (evaluation.full ? [index] : []));
    const seconds = { denoise: entry.seconds[i], total: entry.seconds[i] };
    return {
      ...{ name, image, evaluations, count: evaluations.length },
      result: { ...took, full, evaluations: evaluations.length, seconds },
    };
  };
  pair.value = {
    form: entry.form,
    from: "history",
    lanes: [lane(0, "Original", entry.original), lane(1, entry.name, entry.accelerated)],
    closeness: { psnr: entry.psnr, ssim: entry.ssim },
  };
  status.value = { kind: "done" };
}

/** Shows the entry `by` places further on: 1 is older, -1 newer. */
export function step(by: number): void {
  const at = entries.value.findIndex(({ id }) => id === chosen.value?.id);
  const next = entries.value[Math.max(0, at + by)];
  if (next !== undefined) show(next);
}

/** Lets go of an entry. */
export async function remove(entry: HistoryEntry): Promise<void> {
  entries.value = entries.value.filter(({ id }) => id !== entry.id);
  if (chosen.value?.id === entry.id) chosen.value = undefined;
  if (beside.value?.id === entry.id) beside.value = undefined;
  await store?.remove(entry.id);
}
