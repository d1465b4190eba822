import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Doctor } from "../engine/engine.ts";
import { forgetModel, switchDevice } from "../state/models/open-model.ts";
import { type OwnModel, ownModels } from "../state/models/own-models.ts";
import { engine, isBusy } from "../state/session.ts";
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
      <Devices />
      <dl>
        {(found.value?.lines ?? []).map(({ name, value }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <OwnModels />
    </Dialog>
  );
}

/** What runs the models, where there is a choice. */
function Devices() {
  const { devices = [], place } = engine.value ?? {};
  if (devices.length === 0 || place?.kind !== "page") return null;
  return (
    <fieldset class="devices" disabled={isBusy.value}>
      <legend>Runs on</legend>
      {devices.map(({ device, name, says, isUsable }) => (
        <label key={device}>
          <input
            type="radio"
            name="device"
            checked={place.device === device}
            disabled={!isUsable}
            onChange={() => void switchDevice(device)}
          />
          <span>
            {name}
            <span class="hint">{says}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** What this browser remembers of the visitor's models. */
function OwnModels() {
  if (ownModels.value.length === 0) return null;
  return (
    <section aria-label="Your models">
      <h3>Your models</h3>
      <ul class="own-models">
        {ownModels.value.map((own) => (
          <li key={own.name}>
            <span>
              {own.name}
              <span class="hint">{placeText(own)}</span>
            </span>
            <button type="button" disabled={isBusy.value} onClick={() => void forgetModel(own)}>
              {own.kept === undefined && (own.hub === undefined || own.isKept === false) ? "Forget" : "Remove"}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function placeText({ kept, hub, isKept }: OwnModel): string {
  if (isKept === false) return "from the hub at every visit, not kept";
  if (hub !== undefined) return "from the hub, kept in this browser";
  return kept === undefined ? "read where it lies" : "kept in this browser";
}
