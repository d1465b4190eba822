import { useUrl } from "../parts/url.ts";
import { saveAll } from "../state/history/archive.ts";
import { beside, chosen, entries, remove, show } from "../state/history/history.ts";
import type { HistoryEntry } from "../state/history/history-store.ts";
import { emptyLane } from "../state/run-state.ts";
import { fileName, offer } from "../state/save.ts";
import { edit, isBusy, replaceForm } from "../state/session.ts";

/** What was made before, the newest first. */
export function HistoryStrip() {
  const all = entries.value;
  const looked = chosen.value;
  return (
    <section class="history" aria-labelledby="history-title">
      <div class="head">
        <h2 id="history-title">History</h2>
        <p class="quiet">kept in this browser alone</p>
      </div>
      {all.length === 0 ? (
        <p class="quiet none">
          Pairs that you make are kept here. Drop a PNG anywhere on the page to get its settings.
        </p>
      ) : (
        <ul class="thumbs" tabIndex={-1}>
          {all.map((entry) => (
            <Thumb key={entry.id} entry={entry} isChosen={entry.id === looked?.id} />
          ))}
        </ul>
      )}
      <div class="acts">
        <p class="said" aria-live="polite">
          {looked === undefined ? "" : says(looked)}
        </p>
        <div class="buttons">
          <button type="button" disabled={looked === undefined} onClick={() => looked && replaceForm(looked.form)}>
            Use settings
          </button>
          <button
            type="button"
            disabled={looked === undefined}
            onClick={() => looked && edit({ seed: looked.form.seed })}
          >
            Use seed
          </button>
          <button
            type="button"
            disabled={looked === undefined}
            aria-pressed={looked !== undefined && beside.value?.id === looked.id}
            title="Keeps this picture beside the pair in the centre, whichever you choose or make next"
            onClick={() => (beside.value = beside.value?.id === looked?.id ? undefined : looked)}
          >
            Compare with
          </button>
          <button
            type="button"
            disabled={looked === undefined}
            onClick={() => looked && offer(looked.accelerated, savedName(looked))}
          >
            Save PNG
          </button>
          <button type="button" disabled={looked === undefined} onClick={() => looked && void remove(looked)}>
            Remove
          </button>
          <button type="button" disabled={all.length === 0} onClick={() => void saveAll(all)}>
            Save all
          </button>
        </div>
      </div>
    </section>
  );
}

const savedName = ({ form, name }: HistoryEntry): string =>
  fileName({ form, lanes: [emptyLane("Original"), emptyLane(name)] }, 1);

const says = ({ form, name, seconds: [original, accelerated], psnr }: HistoryEntry): string =>
  `${form.prompt} · ${name} · seed ${form.seed} · ${form.steps} steps · ${(original / accelerated).toFixed(1)}× as fast · ` +
  `${Number.isFinite(psnr) ? `${psnr.toFixed(1)} dB` : "equal"}`;

function Thumb({ entry, isChosen }: { readonly entry: HistoryEntry; readonly isChosen: boolean }) {
  const url = useUrl(entry.accelerated);
  return (
    <li>
      <button
        type="button"
        class="thumb"
        aria-pressed={isChosen}
        disabled={isBusy.value}
        title={says(entry)}
        onClick={() => show(entry)}
      >
        {url !== undefined && <img src={url} alt={`${entry.form.prompt}, ${entry.name}`} width={56} height={56} />}
      </button>
    </li>
  );
}
