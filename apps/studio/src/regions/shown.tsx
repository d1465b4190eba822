import type { LaneState, Pair } from "../state/run-state.ts";

/** What a picture shows, for those who do not see it. */
export const altOf = ({ form }: Pair, { name }: LaneState): string => `${form.prompt} (${name})`;

/** A picture in its frame; small ones are enlarged without smoothing. */
export function Shown({
  pair,
  lane,
  url,
  slot,
}: {
  readonly pair: Pair;
  readonly lane: LaneState;
  readonly url: string | undefined;
  readonly slot?: string;
}) {
  const place = slot === undefined ? {} : { slot };
  if (url === undefined) return <div class="blank" {...place} />;
  const { width, height } = pair.form;
  return (
    <img
      {...place}
      class={width < 256 ? "small" : undefined}
      src={url}
      alt={altOf(pair, lane)}
      width={width}
      height={height}
      draggable={false}
    />
  );
}
