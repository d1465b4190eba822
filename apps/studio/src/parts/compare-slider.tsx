import { useSignal } from "@preact/signals";
import type { HTMLAttributes } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Shown } from "../regions/shown.tsx";
import type { Pair } from "../state/run-state.ts";

interface SliderElement extends HTMLElement {
  value: number;
}

declare module "preact" {
  namespace JSX {
    interface IntrinsicElements {
      "img-comparison-slider": HTMLAttributes<HTMLElement>;
    }
  }
}

/** Both pictures in one frame, the original left of a line that is moved. */
export function CompareSlider({
  shown,
  urls,
}: {
  readonly shown: Pair;
  readonly urls: readonly [string | undefined, string | undefined];
}) {
  const slider = useRef<SliderElement>(null);
  const share = useSignal(50);
  useEffect(() => {
    void import("img-comparison-slider");
  }, []);
  useEffect(() => {
    const element = slider.current;
    const moved = (): void => {
      share.value = Math.round(element?.value ?? 50);
    };
    element?.addEventListener("slide", moved);
    return () => element?.removeEventListener("slide", moved);
  }, []);
  return (
    <div class="frame">
      <img-comparison-slider
        ref={slider}
        class="compare"
        role="slider"
        tabIndex={0}
        aria-label="Share of the original that is shown"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share.value}
        aria-valuetext={`original ${share.value} %`}
      >
        <Shown slot="first" pair={shown} lane={shown.lanes[0]} url={urls[0]} />
        <Shown slot="second" pair={shown} lane={shown.lanes[1]} url={urls[1]} />
      </img-comparison-slider>
    </div>
  );
}
