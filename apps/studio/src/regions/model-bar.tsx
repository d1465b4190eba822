import { useSignal } from "@preact/signals";
import { serverKey, useKey } from "../engine/choose-engine.ts";
import { deviceText } from "../engine/device-text.ts";
import type { Place } from "../engine/engine.ts";
import { showDoctor } from "../parts/doctor-dialog.tsx";
import { showKeys } from "../parts/keyboard-help.tsx";
import { showHub } from "../parts/lazy-hub.tsx";
import { canPick, openFiles, pick } from "../parts/open-files.ts";
import { keepModelHere, openModel, takeEngine } from "../state/models/open-model.ts";
import { isOwn, ownModels } from "../state/models/own-models.ts";
import { edit, engine, form, isBusy, model, models, status } from "../state/session.ts";
import { switchTheme, theme } from "../state/theme.ts";

const THEMES = { system: "as the system", light: "light", dark: "dark" } as const;

/** Which model runs, and where. */
export function ModelBar() {
  const place = engine.value?.place;
  return (
    <header class="model-bar">
      <h1>
        deepcache <span class="quiet">studio</span>
      </h1>
      <label class="model">
        <span class="hidden">Model</span>
        <select
          value={form.value.model}
          disabled={isBusy.value || models.value.length === 0}
          onChange={({ currentTarget }) => {
            edit({ model: currentTarget.value });
            void openModel();
          }}
        >
          {models.value.length === 0 && <option value="">no model yet</option>}
          {models.value.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {place?.kind === "page" && <OpenButtons />}
      <button type="button" class="place" aria-haspopup="dialog" onClick={showDoctor}>
        <span class={place === undefined ? "dot off" : "dot"} aria-hidden="true" />
        {place === undefined ? "Looking for an engine" : <PlaceName place={place} />}
      </button>
      <div class="tools">
        <button type="button" class="plain" onClick={switchTheme} title={`Theme: ${THEMES[theme.value]}`}>
          <span aria-hidden="true">◐</span>
          <span class="hidden">Theme: {THEMES[theme.value]}; change</span>
        </button>
        <button type="button" class="plain" aria-haspopup="dialog" onClick={showKeys} title="Keys (?)">
          <span aria-hidden="true">?</span>
          <span class="hidden">Keys</span>
        </button>
      </div>
      {status.value.kind === "error" && status.value.code === "invalid_api_key" && <KeyField />}
    </header>
  );
}

const PLACES = { server: "Server", webgpu: "GPU", wasm: "Processor" } as const;

function PlaceName({ place }: { readonly place: Place }) {
  const { device, threads } = model.value ?? {};
  if (place.kind === "server" && device !== undefined) {
    return (
      <span>
        <span class="where">
          {place.says} · {deviceText(device, threads)}
        </span>
        <span class="where-short">Server</span>
      </span>
    );
  }
  return (
    <span>
      {PLACES[place.kind === "server" ? "server" : place.device]}
      <span class="where"> · {place.kind === "server" ? place.says : "this page"}</span>
    </span>
  );
}

/** For places that run files of the visitor's own. */
function OpenButtons() {
  const { model: name } = form.value;
  const own = ownModels.value.find((each) => each.name === name);
  return (
    <span class="open">
      <OpenButton what="files" />
      <OpenButton what="folder" />
      <button type="button" aria-haspopup="dialog" disabled={isBusy.value} onClick={() => void showHub()}>
        <Either wide="From the hub…" narrow="Hub…" />
      </button>
      {model.value?.name === name && isOwn(name) && own?.kept === undefined && own?.hub === undefined && (
        <button
          type="button"
          disabled={isBusy.value}
          title="Copies the model among this page's files: it then opens without its own"
          onClick={() => void keepModelHere()}
        >
          Keep in this browser
        </button>
      )}
    </span>
  );
}

/** A text that is shorter where there is less room. */
function Either({ wide, narrow }: { readonly wide: string; readonly narrow: string }) {
  return (
    <>
      <span class="wide-only">{wide}</span>
      <span class="narrow-only">{narrow}</span>
    </>
  );
}

function OpenButton({ what }: { readonly what: "folder" | "files" }) {
  return (
    <label class="button">
      {what === "folder" ? (
        <Either wide="Open folder…" narrow="Folder…" />
      ) : (
        <Either wide="Open file…" narrow="File…" />
      )}
      <input
        type="file"
        class="hidden"
        disabled={isBusy.value}
        {...(what === "folder"
          ? { webkitdirectory: true }
          : { multiple: true, accept: ".safetensors,.ckpt,.yaml,.yml,.png" })}
        onClick={(event) => {
          if (!canPick(what)) return;
          event.preventDefault();
          void pick(what);
        }}
        onChange={({ currentTarget }) => {
          void openFiles([...(currentTarget.files ?? [])]);
          currentTarget.value = ""; // the same files can be chosen again
        }}
      />
    </label>
  );
}

/** Servers with keys ask for one. */
function KeyField() {
  const typed = useSignal(serverKey.value ?? "");
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    useKey(typed.value);
    const used = engine.value;
    if (used !== undefined)
      await takeEngine(used)
        .then(() => (status.value = { kind: "empty" }))
        .catch(() => {});
  };
  return (
    <form class="key" onSubmit={(event) => void submit(event)}>
      <label>
        This server asks for a key
        <input
          type="password"
          autocomplete="off"
          value={typed.value}
          onInput={({ currentTarget }) => {
            typed.value = currentTarget.value;
          }}
        />
      </label>
      <button type="submit">Use it</button>
    </form>
  );
}
