import { signal } from "@preact/signals";

/** Whether the browser has a network, as far as it knows. */
export const isOnline = signal(navigator.onLine);

for (const kind of ["online", "offline"] as const) {
  window.addEventListener(kind, () => {
    isOnline.value = navigator.onLine;
  });
}
