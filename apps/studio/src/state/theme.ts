import { effect, signal } from "@preact/signals";

/** Light, dark, or as the system has it. */
export type Theme = "system" | "light" | "dark";

/** What the page looks like. */
export const theme = signal<Theme>("system");

/** Takes the theme of the last visit, and keeps it for the next. */
export function keepTheme(): void {
  const kept = localStorage.getItem("theme");
  theme.value = kept === "light" || kept === "dark" ? kept : "system";
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
    localStorage.setItem("theme", theme.value);
  });
}

const NEXT = { system: "dark", dark: "light", light: "system" } as const;

/** Goes on to the next theme. */
export function switchTheme(): void {
  theme.value = NEXT[theme.value];
}
