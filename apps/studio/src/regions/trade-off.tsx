import { PUBLISHED } from "virtual:published";
import type { Style } from "deepcache/plot/colors.ts";
import { type Point, scatter } from "deepcache/plot/scatter.ts";
import { useWidth } from "../parts/width.ts";
import { shortName } from "../state/form.ts";
import { engine, isBusy, pair } from "../state/session.ts";
import { points, pointsToTime, showPoint, stopTrying, trying, tryMore } from "../state/trade-off.ts";
import { type TradePoint, typicalSeconds } from "../state/trade-points.ts";

const STYLES: Readonly<Record<TradePoint["kind"] | "published", Style & { readonly label: string }>> = {
  cache: { color: "var(--cache)", shape: "circle", label: "cache" },
  fewer: { color: "var(--fewer)", shape: "diamond", label: "fewer steps" },
  preset: { color: "var(--preset)", shape: "triangle", label: "preset" },
  published: { color: "var(--pale)", shape: "circle", label: "published: means of 48 pictures of 50 steps" },
};

/** The model that the published curve is of. */
const EMBEDDED = "fluent-scenes";

/** Time and closeness of everything that was made of one prompt and seed. */
export function TradeOff() {
  const [element, width] = useWidth<HTMLDivElement>(400);
  const now = trying.value;
  const made = points.value;
  const isThere = pair.value !== undefined && engine.value !== undefined;
  return (
    <section class="trade-off" aria-labelledby="trade-title">
      <div class="head">
        <h2 id="trade-title">Trade-off</h2>
        <p class="quiet">one prompt, one seed</p>
      </div>
      {made.length === 0 ? (
        <div class="drawing blank-plot" ref={element} style={{ minHeight: `${plotHeight(width)}px` }}>
          <p class="quiet">
            Every picture you make of one prompt and seed becomes a point here: its time, and how close it is to the
            original.
          </p>
        </div>
      ) : (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the list below has a button for every point
        // biome-ignore lint/a11y/noStaticElementInteractions: as above
        <div
          class="drawing"
          ref={element}
          onClick={({ target }) => {
            const id = (target as Element).closest("[data-point]")?.getAttribute("data-point");
            if (id) showPoint(id);
          }}
          // Text of the drawing is escaped where it is made.
          dangerouslySetInnerHTML={{ __html: drawn(made, width, pair.value?.lanes[1].name ?? "") }}
        />
      )}
      <div class="trying">
        {now === undefined ? (
          <button type="button" disabled={!isThere || isBusy.value} onClick={() => void tryMore()}>
            Try more settings
          </button>
        ) : (
          <>
            <button type="button" onClick={stopTrying}>
              Stop trying
            </button>
            <span>
              {now.name}, {now.left} to go
            </span>
          </>
        )}
      </div>
      {made.length > 0 && <HowTimed />}
      {made.length > 0 && <AsList made={made} />}
    </section>
  );
}

/** Times of runs that were disturbed in other ways do not compare. */
function HowTimed() {
  const left = pointsToTime.value.map(({ name }) => name);
  const isAlone = points.value.some((point) => point.isAlone);
  return (
    <p class="quiet how-timed">
      {isAlone
        ? "Each timed on its own, without previews: the median evaluation of its kind, times how many there are."
        : "Timed while both pictures took turns and made previews; trying more settings times each on its own."}
      {left.length > 0 && ` Not timed so yet, and left out: ${left.join(", ")}.`}
    </p>
  );
}

function drawn(made: readonly TradePoint[], width: number, shownName: string): string {
  const [first] = made;
  const original = first === undefined ? undefined : typicalSeconds(first.pair.lanes[0]);
  const own = made.map(({ id, name, seconds, psnr, kind }): Point => {
    const y = Number.isFinite(psnr) ? psnr : MOST_PSNR;
    return { id, label: shortName(name), x: seconds, y, style: STYLES[kind] };
  });
  const behind =
    first?.pair.form.model === EMBEDDED && original !== undefined
      ? PUBLISHED.filter(({ share }) => share <= 1).map(({ name, share, psnr }): Point => {
          const label = `published: ${name}, mean of 48 pictures of 50 steps`;
          return { label, x: share * original, y: psnr, style: STYLES.published, background: true };
        })
      : [];
  const height = plotHeight(width);
  // Names of many points do not fit side by side on a telephone: there, the list has them.
  const isCrowded = width < 420 && made.length > 4;
  return scatter([...behind, ...own], {
    title: "Closeness to the original and time",
    xLabel: made.some(({ isAlone }) => isAlone) ? "seconds of denoising" : "seconds of denoising, in turns",
    yLabel: "PSNR in dB",
    better: "higher",
    original,
    labelled: isCrowded ? [shortName(shownName)] : undefined,
    frame: { width, height, left: 52, right: width - 12, top: 30, bottom: height - 52 },
  });
}

const plotHeight = (width: number): number => Math.max(220, Math.min(320, Math.round(width * 0.62)));

/** Where equal pictures are drawn. */
const MOST_PSNR = 60;

function AsList({ made }: { readonly made: readonly TradePoint[] }) {
  const isPublished = made[0]?.pair.form.model === EMBEDDED;
  const kinds = [...new Set(made.map(({ kind }) => kind)), ...(isPublished ? (["published"] as const) : [])];
  return (
    <>
      <p class="legend">
        {kinds.map((kind) => (
          <span key={kind}>
            <span class={`swatch ${kind}`} aria-hidden="true" />
            {STYLES[kind].label}
          </span>
        ))}
      </p>
      <details>
        <summary>As a list</summary>
        <ul class="points">
          {[...made]
            .sort((a, b) => a.seconds - b.seconds)
            .map(({ id, name, seconds, psnr }) => (
              <li key={id}>
                <button type="button" onClick={() => showPoint(id)}>
                  {name}: {seconds.toFixed(2)} s, {Number.isFinite(psnr) ? `${psnr.toFixed(1)} dB` : "equal"}
                </button>
              </li>
            ))}
        </ul>
      </details>
    </>
  );
}
