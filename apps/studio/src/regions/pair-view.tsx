import { CompareSlider } from "../parts/compare-slider.tsx";
import { Difference } from "../parts/difference.tsx";
import { Earlier } from "../parts/earlier.tsx";
import { StatusLine } from "../parts/status-line.tsx";
import { useUrl } from "../parts/url.ts";
import { beside } from "../state/history/history.ts";
import type { LaneState, Pair } from "../state/run-state.ts";
import { denoiseSeconds, speedupOf } from "../state/run-state.ts";
import { savePicture } from "../state/save.ts";
import { isBusy, pair } from "../state/session.ts";
import { isFlipped, VIEWS, type View, view } from "../state/view.ts";
import { Shown } from "./shown.tsx";

const NAMES: Readonly<Record<View, string>> = {
  side: "Side by side",
  slider: "Slider",
  flip: "Flip",
  difference: "Difference",
};

/** Original and accelerated picture, in the centre of the page. */
export function PairView() {
  const shown = pair.value;
  const earlier = beside.value;
  return (
    <section class="pair-view" id="pair" aria-label="Pictures" tabIndex={-1}>
      <fieldset class="views">
        <legend class="hidden">How to compare</legend>
        {VIEWS.map((each, i) => (
          <button
            key={each}
            type="button"
            aria-pressed={view.value === each}
            title={`Key ${i + 1}`}
            onClick={() => (view.value = each)}
          >
            {NAMES[each]}
          </button>
        ))}
      </fieldset>
      <div class={`pictures ${view.value}${earlier === undefined ? "" : " with-earlier"}`}>
        {shown === undefined ? <Placeholders /> : <Pictures shown={shown} />}
        {earlier !== undefined && <Earlier entry={earlier} />}
      </div>
      <StatusLine />
      <Verdict shown={shown} />
    </section>
  );
}

function Placeholders() {
  return (
    <>
      <figure class="lane">
        <figcaption>Original</figcaption>
        <div class="frame" />
      </figure>
      <figure class="lane">
        <figcaption>DeepCache</figcaption>
        <div class="frame" />
      </figure>
    </>
  );
}

function Pictures({ shown }: { readonly shown: Pair }) {
  const [original, accelerated] = shown.lanes;
  const urls = [useUrl(original.image), useUrl(accelerated.image)] as const;
  switch (view.value) {
    case "side":
      return (
        <>
          <Lane shown={shown} lane={original} url={urls[0]} />
          <Lane shown={shown} lane={accelerated} url={urls[1]} />
        </>
      );
    case "slider":
      return (
        <figure class="lane">
          <figcaption>
            <span>Original</span>
            <span>{accelerated.name}</span>
          </figcaption>
          <CompareSlider shown={shown} urls={urls} />
        </figure>
      );
    case "flip":
      return <Flip shown={shown} urls={urls} />;
    case "difference":
      return <Difference shown={shown} />;
  }
}

function Lane({
  shown,
  lane,
  url,
}: {
  readonly shown: Pair;
  readonly lane: LaneState;
  readonly url: string | undefined;
}) {
  return (
    <figure class="lane">
      <figcaption>{lane.name}</figcaption>
      <div class="frame">
        <Shown pair={shown} lane={lane} url={url} />
        <Badge lane={lane} />
      </div>
      <LaneLine lane={lane} />
    </figure>
  );
}

function Badge({ lane: { evaluations, count, result } }: { readonly lane: LaneState }) {
  if (result !== undefined || count === 0) return null;
  const { length } = evaluations;
  if (!isBusy.value) return <span class="badge">{`stopped at ${length}/${count}`}</span>;
  return <span class="badge">{length < count ? `preview ${length}/${count}` : "decoding"}</span>;
}

function LaneLine({ lane }: { readonly lane: LaneState }) {
  const { evaluations, result } = lane;
  const full = result?.full.length ?? evaluations.filter((evaluation) => evaluation.full).length;
  const cached = (result?.evaluations ?? evaluations.length) - full;
  const seconds = denoiseSeconds(lane);
  return (
    <p class="took">
      <b>{seconds.toFixed(2)} s</b> · {full} full{cached > 0 ? ` + ${cached} cached` : ""}
    </p>
  );
}

function Flip({
  shown,
  urls,
}: {
  readonly shown: Pair;
  readonly urls: readonly [string | undefined, string | undefined];
}) {
  const index = isFlipped.value ? 0 : 1;
  const lane = shown.lanes[index];
  return (
    <figure class="lane">
      <figcaption>{lane.name}</figcaption>
      <div class="frame">
        <Shown pair={shown} lane={lane} url={urls[index]} />
        <Badge lane={lane} />
      </div>
      <p class="took">
        <button
          type="button"
          aria-pressed={isFlipped.value}
          onClick={() => {
            isFlipped.value = !isFlipped.value;
          }}
        >
          Show the original{" "}
          <span class="key-hint" aria-hidden="true">
            Space
          </span>
        </button>
      </p>
    </figure>
  );
}

function Verdict({ shown }: { readonly shown: Pair | undefined }) {
  const speedup = shown === undefined ? undefined : speedupOf(shown);
  const close = shown?.closeness;
  return (
    <div class="verdict">
      <p>
        {speedup === undefined || shown === undefined ? (
          <span class="quiet">Times, speed-up and closeness stand here when both are done.</span>
        ) : (
          <>
            <b class="speedup">{speedup.toFixed(1)}× as fast</b>
            <span title="Operations of the original over those of the accelerated run">
              {operations(shown)}× less to compute
            </span>
            {close !== undefined && (
              <>
                <span title="Peak signal-to-noise ratio to the original: above 30 dB is hard to tell apart">
                  PSNR {Number.isFinite(close.psnr) ? `${close.psnr.toFixed(1)} dB` : "∞, equal"}
                </span>
                <span title="Structural similarity to the original: 1 is equal">SSIM {close.ssim.toFixed(3)}</span>
              </>
            )}
          </>
        )}
      </p>
      <p class="saving">
        {([1, 0] as const).map((lane) => (
          <button
            key={lane}
            type="button"
            disabled={isBusy.value || shown?.lanes[lane].image === undefined}
            onClick={() => shown && savePicture(shown, lane)}
          >
            {lane === 1 ? "Save PNG" : "Save original"}
          </button>
        ))}
      </p>
    </div>
  );
}

/** Of a preset, sampler and steps differ as well: full-step equivalents say it. */
function operations({ lanes: [original, accelerated] }: Pair): string {
  const equivalents = ({ result }: LaneState): number =>
    result === undefined ? Number.NaN : result.evaluations / result.speedup;
  return (equivalents(original) / equivalents(accelerated)).toFixed(1);
}
