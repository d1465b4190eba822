import { beside } from "../state/history/history.ts";
import type { HistoryEntry } from "../state/history/history-store.ts";
import { useUrl } from "./url.ts";

/** An earlier picture beside the pair in the centre. */
export function Earlier({ entry }: { readonly entry: HistoryEntry }) {
  const { form, name, accelerated, seconds, psnr } = entry;
  const url = useUrl(accelerated);
  return (
    <figure class="lane earlier">
      <figcaption>
        Earlier: {name} · seed {form.seed}
      </figcaption>
      <div class="frame">
        {url === undefined ? (
          <div class="blank" />
        ) : (
          <img
            class={form.width < 256 ? "small" : undefined}
            src={url}
            alt={`${form.prompt} (earlier, ${name})`}
            width={form.width}
            height={form.height}
            draggable={false}
          />
        )}
      </div>
      <p class="took">
        <b>{seconds[1].toFixed(2)} s</b> · {Number.isFinite(psnr) ? `${psnr.toFixed(1)} dB to its original` : "equal"}{" "}
        <button type="button" class="plain" onClick={() => (beside.value = undefined)}>
          Take away
        </button>
      </p>
    </figure>
  );
}
