/** What Tab leads to, one after the other, from the start of a page with two pictures in its history. */
export const TAB_ORDER: readonly string[] = [
  "Model",
  "this computer · CPU, 2 threadsServer", // narrow pages show the second word alone
  "◐Theme: as the system; change",
  "?Keys",
  "Prompt",
  "Settings",
  "Steps",
  "Width",
  "Height",
  "Square",
  "Seed",
  "Random",
  "Guidance",
  "Way",
  "Whole network on every",
  "A cached one computes",
  "Order",
  "More",
  "Make Ctrl ↵",
  "Side by side",
  "Slider",
  "Flip",
  "Difference",
  "Save PNG",
  "Save original",
  "As text",
  "Try more settings",
  "As a list",
  "a picture of the history",
  "a picture of the history",
  "Use settings",
  "Use seed",
  "Compare with",
  "Save PNG",
  "Remove",
  "Save all",
];

/** In the page: what has the focus, as it is labelled. */
export function focusedName(): string {
  const element = document.activeElement as HTMLElement;
  if (element.matches(".thumb")) return "a picture of the history";
  const label = (element as HTMLInputElement).labels?.[0]?.firstChild ?? element;
  return (label.textContent ?? "").trim().replaceAll(/\s+/g, " ");
}

/** In the page: which of the buttons is pressed. */
export const pressedAt = (buttons: Element[]): number =>
  buttons.findIndex((button) => button.getAttribute("aria-pressed") === "true");
