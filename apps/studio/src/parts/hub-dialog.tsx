import { signal, useSignal } from "@preact/signals";
import { hubReference, referenceName } from "deepcache/hub/reference.ts";
import { useId } from "preact/hooks";
import { hubToken, isTokenKept, useToken } from "../state/models/hub-token.ts";
import { openFromHub } from "../state/models/open-model.ts";
import { isOnline } from "../state/online.ts";
import { isBusy } from "../state/session.ts";
import { Dialog } from "./dialog.tsx";

/** Whether the dialog is shown. */
export const isHubOpen = signal(false);

const HOST = new URL(__HUB__).host;

/** Of fields for names, which are no words. */
const AS_TYPED = { spellcheck: false, autocapitalize: "off", autocomplete: "off" } as const;

/** Opens a model of the hub by its id. */
export function HubDialog() {
  const [id, revision] = [useSignal(""), useSignal("")];
  const [token, isKept] = [useSignal(hubToken.value ?? ""), useSignal(isTokenKept())];
  const problem = useSignal<string | undefined>(undefined);
  const submit = (event: Event): void => {
    event.preventDefault();
    const found = modelOf(id.value, revision.value);
    problem.value = found === undefined ? "An id such as org/name is required, or the address of its page." : undefined;
    if (found === undefined) return;
    useToken(token.value, isKept.value);
    isHubOpen.value = false;
    void openFromHub({ kind: "hub", name: found, id: found, token: hubToken.value });
  };
  const names = [useId(), useId(), useId(), useId()] as const;
  return (
    <Dialog title="From the hub" open={isHubOpen}>
      <form class="hub" noValidate onSubmit={submit}>
        <p>
          {HOST} is asked for this model's files, which are then kept in this browser. Nothing else is sent, and the
          next visit asks nobody.
        </p>
        <div class="field">
          <label for={names[0]}>Model</label>
          <input
            id={names[0]}
            value={id.value}
            placeholder="org/name"
            {...AS_TYPED}
            aria-invalid={problem.value === undefined ? undefined : "true"}
            aria-describedby={names[3]}
            onInput={({ currentTarget }) => (id.value = currentTarget.value)}
          />
          <p class={problem.value === undefined ? "hint" : "problem"} id={names[3]}>
            {problem.value ?? "As the hub shows it; org/name/file.safetensors is one file of it."}
          </p>
        </div>
        <div class="field">
          <label for={names[1]}>Revision</label>
          <input
            id={names[1]}
            value={revision.value}
            placeholder="main"
            {...AS_TYPED}
            onInput={({ currentTarget }) => (revision.value = currentTarget.value)}
          />
        </div>
        <div class="field">
          <label for={names[2]}>Token, for private and gated models</label>
          <input
            id={names[2]}
            type="password"
            autocomplete="off"
            value={token.value}
            onInput={({ currentTarget }) => (token.value = currentTarget.value)}
          />
          <label class="check">
            <input
              type="checkbox"
              checked={isKept.value}
              onChange={({ currentTarget }) => (isKept.value = currentTarget.checked)}
            />
            Keep the token in this browser
          </label>
        </div>
        <p class="buttons">
          <button type="submit" class="primary" disabled={isBusy.value || !isOnline.value}>
            Download and open
          </button>
        </p>
        <p class="hint" role="status">
          {isOnline.value ? "" : "There is no network: models that are kept here are in the list of models."}
        </p>
      </form>
    </Dialog>
  );
}

/** The model that was typed or pasted as it is asked for; nothing where it can be none. */
export function modelOf(id: string, revision: string): string | undefined {
  const reference = hubReference(id.trim(), __HUB__);
  if (reference?.kind !== "repo") return undefined;
  const own = revision.trim();
  const name = referenceName(own === "" ? reference : { ...reference, revision: own }).replace(/^hf:/, "");
  return hubReference(`hf:${name}`) === undefined ? undefined : name;
}
