import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { differenceOf } from "../state/pixels.ts";
import type { Pair } from "../state/run-state.ts";

const AMPLIFIED = [1, 4, 16] as const;

/** Where two pictures differ: black where they are equal. */
export function Difference({ shown }: { readonly shown: Pair }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const amplify = useSignal<number>(4);
  const [{ image: original }, { image: accelerated }] = shown.lanes;
  const factor = amplify.value;
  useEffect(() => {
    let isLeft = false;
    if (original === undefined || accelerated === undefined) return;
    void differenceOf(original, accelerated, factor).then((data) => {
      const target = canvas.current;
      if (isLeft || target === null) return;
      target.width = data.width;
      target.height = data.height;
      target.getContext("2d")?.putImageData(data, 0, 0);
    });
    return () => {
      isLeft = true;
    };
  }, [original, accelerated, factor]);
  return (
    <figure class="lane">
      <figcaption>Difference, {factor} times as bright</figcaption>
      <div class="frame">
        <canvas
          ref={canvas}
          class={shown.form.width < 256 ? "small" : undefined}
          width={shown.form.width}
          height={shown.form.height}
          role="img"
          aria-label={`Where ${shown.lanes[1].name} differs from the original; black where it does not`}
        />
      </div>
      <p class="took">
        {AMPLIFIED.map((each) => (
          <button key={each} type="button" aria-pressed={factor === each} onClick={() => (amplify.value = each)}>
            {each}×
          </button>
        ))}
      </p>
    </figure>
  );
}
