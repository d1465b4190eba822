import { signal } from "@preact/signals";
import type { FunctionComponent } from "preact";

const dialog = signal<{ readonly Shown: FunctionComponent } | undefined>(undefined);

/** Shows the dialog that opens models of the hub, which most visits do without. */
export async function showHub(): Promise<void> {
  if (__SERVED__) return; // servers have models of their own
  const { HubDialog, isHubOpen } = await import("./hub-dialog.tsx");
  dialog.value = { Shown: HubDialog };
  isHubOpen.value = true;
}

/** Where that dialog is, once it has been asked for. */
export function LazyHub() {
  const { Shown } = dialog.value ?? {};
  return Shown === undefined ? null : <Shown />;
}
