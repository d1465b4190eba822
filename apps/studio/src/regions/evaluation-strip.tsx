import { timeline } from "deepcache/plot/timeline.ts";
import { useWidth } from "../parts/width.ts";
import type { Pair } from "../state/run-state.ts";
import { pair } from "../state/session.ts";

const COLORS = { full: "var(--full)", cached: "url(#cached)" } as const;

/** Which evaluations ran the whole network, and what each took. */
export function EvaluationStrip() {
  const [element, width] = useWidth<HTMLDivElement>();
  const shown = pair.value;
  return (
    <section class="strip" aria-labelledby="strip-title">
      <div class="head">
        <h2 id="strip-title">Evaluations</h2>
        <p class="legend">
          <span>
            <svg width="14" height="14" aria-hidden="true">
              <rect width="14" height="14" fill={COLORS.full} />
            </svg>
            full: the whole network
          </span>
          <span>
            <svg width="14" height="14" aria-hidden="true">
              <rect width="14" height="14" fill={COLORS.cached} />
            </svg>
            cached: its deep part is reused
          </span>
        </p>
      </div>
      <Pattern />
      <div
        class="drawing"
        ref={element}
        // Text of the drawing is escaped where it is made.
        dangerouslySetInnerHTML={{ __html: shown === undefined ? "" : drawn(shown, width) }}
      />
      {shown !== undefined && <AsText shown={shown} />}
    </section>
  );
}

/** Cached evaluations are hatched, so that colour does not tell them alone. */
function Pattern() {
  return (
    <svg class="defs" width="0" height="0" aria-hidden="true">
      <pattern id="cached" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="5" height="5" fill="var(--cached)" />
        <line y2="5" stroke="var(--full)" stroke-width="1.6" />
      </pattern>
    </svg>
  );
}

function drawn({ lanes }: Pair, width: number): string {
  const isNarrow = width < 480;
  const shortened = (name: string): string => (isNarrow && name.length > 12 ? `${name.slice(0, 11)}…` : name);
  const named = lanes.map(({ name, evaluations }) => ({
    name: shortened(name),
    full: evaluations.flatMap(({ full }, i) => (full ? [i] : [])),
    evaluationSeconds: evaluations.map(({ seconds }) => seconds),
  }));
  return timeline(named, named, {
    width,
    nameWidth: isNarrow ? 84 : 190,
    colors: COLORS,
    label: "Evaluations of both runs over time",
    title: "seconds of denoising",
  });
}

function AsText({ shown: { lanes } }: { readonly shown: Pair }) {
  const rows = Math.max(...lanes.map(({ evaluations }) => evaluations.length));
  return (
    <details>
      <summary>As text</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <section class="scroll" tabIndex={0} aria-label="Evaluations as a table">
        <table>
          <thead>
            <tr>
              <th scope="col">Evaluation</th>
              {lanes.map(({ name }) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {Array.from({ length: rows }, (_, i) => (
              <tr key={i}>
                <th scope="row">{i}</th>
                {lanes.map(({ name, evaluations }) => {
                  const done = evaluations[i];
                  return (
                    <td key={name}>
                      {done === undefined
                        ? ""
                        : `${done.full ? "full" : "cached"}, ${(1000 * done.seconds).toFixed(1)} ms`}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}
