import { useEffect } from "preact/hooks";
import { randomSeed } from "../regions/prompt-form.tsx";
import { step } from "../state/history/history.ts";
import { make } from "../state/make.ts";
import { savePicture } from "../state/save.ts";
import { isBusy, pair, replaceForm } from "../state/session.ts";
import { stopTrying } from "../state/trade-off.ts";
import { isFlipped, VIEWS, view } from "../state/view.ts";
import { stop } from "../state/work.ts";
import { showKeys } from "./keyboard-help.tsx";

/** Listens for keys as long as the page is there. */
export function useKeys(): void {
  useEffect(() => {
    window.addEventListener("keydown", pressed);
    window.addEventListener("keyup", released);
    return () => {
      window.removeEventListener("keydown", pressed);
      window.removeEventListener("keyup", released);
    };
  }, []);
}

const isOpenDialog = (): boolean => document.querySelector("dialog[open]") !== null;

/** Whether keys mean letters, or are the element's own. */
const takesText = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null;

const takesKeys = (target: EventTarget | null, key: string): boolean =>
  target instanceof HTMLElement &&
  ((key === " " && target.closest("button, summary, a") !== null) ||
    (key.startsWith("Arrow") && target.closest("[role=slider]") !== null));

function pressed(event: KeyboardEvent): void {
  if (isOpenDialog()) return;
  const { key, target } = event;
  if ((event.ctrlKey || event.metaKey) && key === "Enter") {
    event.preventDefault();
    void make();
    return;
  }
  if (key === "Escape") {
    stop();
    stopTrying();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || takesText(target) || takesKeys(target, key)) return;
  const act = ACTS[key.toLowerCase()];
  if (act === undefined) return;
  event.preventDefault();
  act(event);
}

function released({ key }: KeyboardEvent): void {
  if (key === " " && before !== undefined) {
    isFlipped.value = false;
    view.value = before;
    before = undefined;
  }
}

/** The view from which Space, while it is held, looks at the original. */
let before: (typeof view)["value"] | undefined;

const showing = (index: number) => (): void => {
  const chosen = VIEWS[index];
  if (chosen !== undefined) view.value = chosen;
};

const ACTS: Readonly<Record<string, (event: KeyboardEvent) => void>> = {
  " ": ({ repeat }) => {
    if (repeat || before !== undefined) return;
    before = view.value;
    view.value = "flip";
    isFlipped.value = true;
  },
  "1": showing(0),
  "2": showing(1),
  "3": showing(2),
  "4": showing(3),
  arrowleft: () => step(-1),
  arrowright: () => step(1),
  s: () => {
    if (pair.value !== undefined && !isBusy.value) savePicture(pair.value, 1);
  },
  r: randomSeed,
  u: () => {
    if (pair.value !== undefined) replaceForm(pair.value.form);
  },
  "/": () => document.querySelector<HTMLElement>("textarea.prompt")?.focus(),
  "?": showKeys,
};
