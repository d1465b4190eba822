import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Doctor } from "../engine/engine.ts";
import { engine } from "../state/session.ts";
import { Dialog } from "./dialog.tsx";

const open = signal(false);
const found = signal<Doctor | undefined>(undefined);

/** Shows what this place can do. */
export function showDoctor(): void {
  open.value = true;
}

/** What runs the models, and what it can do. */
export function DoctorDialog() {
  const isOpen = open.value;
  const used = engine.value;
  useEffect(() => {
    if (!isOpen || used === undefined) return;
    found.value = undefined;
    void used.describe().then(
      (doctor) => {
        found.value = doctor;
      },
      (error: Error) => {
        found.value = { models: [], lines: [{ name: "Failed", value: error.message }] };
      },
    );
  }, [isOpen, used]);
  return (
    <Dialog title="Where this runs" open={open}>
      <p>{used === undefined ? "Nothing has been found that could run models." : used.place.says}</p>
      <dl>
        {(found.value?.lines ?? []).map(({ name, value }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
