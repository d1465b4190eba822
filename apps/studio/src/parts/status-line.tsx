import { sizeText } from "deepcache/hub/size-text.ts";
import { useEffect, useState } from "preact/hooks";
import { makeSparingly } from "../state/make.ts";
import { openUnkept } from "../state/models/open-model.ts";
import type { Status } from "../state/run-state.ts";
import { progressOf, secondsLeft } from "../state/run-state.ts";
import { edit, engine, form, isSparing, model, pair, status, warnings } from "../state/session.ts";
import { stop } from "../state/work.ts";

/** What the studio is doing, in one line that is always there. */
export function StatusLine() {
  const now = status.value;
  const isLooking = now.kind === "empty" && engine.value === undefined;
  return (
    <div class={`status ${isLooking ? "looking" : now.kind}`}>
      <Says status={now} />
      {warnings.value.map((message) => (
        <p key={message} class="warning">
          {message}.
        </p>
      ))}
    </div>
  );
}

function Says({ status: now }: { readonly status: Status }) {
  switch (now.kind) {
    case "empty":
      return (
        <p class="quiet">
          {pair.value?.from === "example" && (
            <>
              An example. <b>Make</b> makes one of your own, on this machine.{" "}
            </>
          )}
          {firstLine()}
        </p>
      );
    case "opening":
      return <Opening opening={now} />;
    case "running":
      return <Running says={now.says} />;
    case "done":
      return <p class="quiet">{pair.value?.from === "history" ? "From your history." : "Done."}</p>;
    case "stopped":
      return (
        <p>
          Stopped at {now.done} of {now.of} evaluations; what is there stays.
        </p>
      );
    case "error":
      return <Failure failure={now} />;
  }
}

function firstLine(): string {
  const place = engine.value?.place;
  if (place === undefined) return "Looking for what can run models.";
  if (place.kind === "server") return "Ready: the server runs the model.";
  return model.value === undefined ? place.says : "Ready.";
}

/** Milliseconds without a byte after which the network is to blame. */
const SILENCE = 3000;

function Opening({ opening }: { readonly opening: Extract<Status, { kind: "opening" }> }) {
  const { says, files, all, since, heard } = opening;
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 500);
    return () => clearInterval(timer);
  }, []);
  const loaded = all?.loaded ?? files.reduce((sum, file) => sum + file.loaded, 0);
  const total = all?.total ?? files.reduce((sum, file) => sum + file.total, 0);
  const rate = all?.rate ?? loaded / Math.max(0.5, (Date.now() - since) / 1000);
  const isWaiting = loaded < total && Date.now() - heard > SILENCE;
  return (
    <div class="opening">
      <p>
        {says}
        {total > 0 && `: ${sizeText(loaded)} of ${sizeText(total)}, `}
        {total > 0 && (isWaiting ? "waiting for the network" : `${sizeText(rate)} a second`)}{" "}
        <button type="button" class="plain" onClick={stop}>
          Cancel
        </button>
      </p>
      {total > 0 && <progress value={loaded} max={total} aria-label={says} />}
      {files.length > 0 && (
        <details>
          <summary>Files</summary>
          <ul>
            {files.map(({ file, loaded: own, total: of }) => (
              <li key={file}>
                {file}: {sizeText(own)} of {sizeText(of)}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Running({ says }: { readonly says: string }) {
  const shown = pair.value;
  const { done, of } = shown === undefined ? { done: 0, of: 0 } : progressOf(shown);
  const left = shown === undefined ? undefined : secondsLeft(shown);
  const far = of === 0 ? "" : `evaluation ${done} of ${of}`;
  const until = left === undefined ? "" : `about ${left < 10 ? left.toFixed(1) : left.toFixed(0)} s left`;
  return (
    <div class="running">
      <p>{[says, far, until].filter((part) => part !== "").join(" · ")}</p>
      <progress {...(of === 0 ? {} : { value: done })} max={Math.max(1, of)} aria-label="Evaluations of both runs" />
    </div>
  );
}

/** What helps against a failure, by its code in capitals: servers have them in small letters. */
const ADVICE: Readonly<Record<string, string>> = {
  OUT_OF_MEMORY: "A smaller size takes less memory.",
  OPTION_INVALID: "Change the setting and make it again; the form is as it was.",
  DOWNLOAD_FAILED: "Try it again: what has come rightly is kept.",
  NO_ROOM: "It can run without being kept as well: its files are then downloaded again at every visit.",
  UNREACHABLE: "Then load this page again. The form is kept.",
  INVALID_API_KEY: "Type the key into the field above.",
  QUEUE_FULL: "Others are waiting as well: try again in a while.",
};

/** Of a page, whose memory ends before the computer's does. */
const MEMORY_OF_A_PAGE = '"deepcache serve" can use all of this computer\'s.';

function Failure({ failure }: { readonly failure: Extract<Status, { kind: "error" }> }) {
  const { message } = failure;
  const code = failure.code?.toUpperCase();
  const isOfPage = engine.value?.place.kind === "page";
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`;
  const advice = code === undefined ? undefined : ADVICE[code];
  const half = { width: form.value.width / 2, height: form.value.height / 2 };
  const details = (): string =>
    JSON.stringify({ message, code, form: form.value, place: engine.value?.place, model: model.value?.name }, null, 2);
  return (
    <div class="failure" role="alert">
      <p>
        {sentence} {advice} {code === "OUT_OF_MEMORY" && isOfPage && MEMORY_OF_A_PAGE}
      </p>
      <p>
        <button type="button" onClick={() => void navigator.clipboard.writeText(details())}>
          Copy details
        </button>
        {code === "NO_ROOM" && (
          <button type="button" onClick={() => void openUnkept()}>
            Run it without keeping it
          </button>
        )}
        {code === "OUT_OF_MEMORY" && (
          <button type="button" onClick={() => edit(half)}>
            Use {half.width} × {half.height}
          </button>
        )}
        {code === "OUT_OF_MEMORY" && isOfPage && !isSparing.value && (
          <button type="button" onClick={() => void makeSparingly()}>
            Make it with less memory, more slowly
          </button>
        )}
        <button type="button" class="plain" onClick={() => (status.value = { kind: "empty" })}>
          Dismiss
        </button>
      </p>
    </div>
  );
}
