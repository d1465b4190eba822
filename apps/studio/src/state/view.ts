import { signal } from "@preact/signals";

/** The ways to look at a pair. */
export const VIEWS = ["side", "slider", "flip", "difference"] as const;

/** One of `VIEWS`. */
export type View = (typeof VIEWS)[number];

/** How the pair is looked at; narrow pages begin with the slider. */
export const view = signal<View>(matchMedia("(max-width: 43.99rem)").matches ? "slider" : "side");

/** Whether the view that flips shows the original. */
export const isFlipped = signal(false);
