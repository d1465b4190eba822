import { useEffect, useRef } from "preact/hooks";
import { Field, NumberField, RangeField } from "../parts/field.tsx";
import { estimate, type Form, isPreset, type Speed } from "../state/form.ts";
import { make } from "../state/make.ts";
import { edit, engine, form, formerForm, isBusy, model, notice, status, undoForm } from "../state/session.ts";
import { stop } from "../state/work.ts";

const SPEEDS: Readonly<Record<Speed, string>> = {
  forecast: "cache, forecast between",
  copy: "cache, copied between (as published)",
  fast: "preset fast",
  balanced: "preset balanced",
  quality: "preset quality",
  policy: "a policy as text",
};

/** What the pictures should show, and how fast. */
export function PromptForm() {
  const details = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    // On narrow pages the form lies below the pictures, folded up.
    const narrow = matchMedia("(max-width: 43.99rem)");
    const fold = (): void => {
      if (details.current !== null) details.current.open = !narrow.matches;
    };
    fold();
    narrow.addEventListener("change", fold);
    return () => narrow.removeEventListener("change", fold);
  }, []);
  return (
    <form
      class="prompt-form"
      aria-label="What to make"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <Prompt />
      <details ref={details} class="settings">
        <summary>Settings</summary>
        <Basics />
        <SpeedFields />
        <More />
      </details>
      <div class="actions">
        <button type="submit" class="primary" disabled={status.value.kind === "running" || engine.value === undefined}>
          Make{" "}
          <span class="key-hint" aria-hidden="true">
            Ctrl ↵
          </span>
        </button>
        <button type="button" disabled={!isBusy.value} onClick={stop}>
          Stop{" "}
          <span class="key-hint" aria-hidden="true">
            Esc
          </span>
        </button>
      </div>
      <div class="news">
        {formerForm.value !== undefined && (
          <button type="button" class="plain" onClick={undoForm}>
            Undo: back to the form before
          </button>
        )}
        {notice.value !== undefined && (
          <p>
            {notice.value}{" "}
            <button type="button" class="plain" onClick={() => (notice.value = undefined)}>
              Dismiss
            </button>
          </p>
        )}
      </div>
    </form>
  );
}

function Prompt() {
  return (
    <Field label="Prompt" name="prompt">
      {(props) => (
        <textarea
          {...props}
          rows={3}
          class="prompt"
          value={form.value.prompt}
          onInput={({ currentTarget }) => edit({ prompt: currentTarget.value })}
        />
      )}
    </Field>
  );
}

const sizesOf = (own: number, multipleOf: number): number[] =>
  [...new Set([own / 2, own, own * 1.5, own * 2])].filter((size) => size % multipleOf === 0);

function Basics() {
  const { multipleOf = 8, width: own = 64 } = model.value ?? {};
  return (
    <>
      <RangeField label="Steps" name="steps" min={1} max={Math.max(60, form.value.steps)} />
      <div class="row">
        <NumberField label="Width" name="width" min={multipleOf} max={2048} step={multipleOf} />
        <NumberField label="Height" name="height" min={multipleOf} max={2048} step={multipleOf} />
        <label class="field">
          Square
          <select
            value={form.value.width === form.value.height ? form.value.width : ""}
            onChange={({ currentTarget }) => {
              const size = Number(currentTarget.value);
              if (size > 0) edit({ width: size, height: size });
            }}
          >
            <option value="">other</option>
            {sizesOf(own, multipleOf).map((size) => (
              <option key={size} value={size}>
                {size}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div class="row">
        <NumberField label="Seed" name="seed" min={0} max={2 ** 32 - 1} />
        <div class="field">
          <span class="label" aria-hidden="true">
            &nbsp;
          </span>
          <button type="button" onClick={randomSeed}>
            Random
          </button>
        </div>
        <Field label="Guidance" name="guidanceScale">
          {(props) => (
            <input
              {...props}
              inputMode="decimal"
              placeholder="auto"
              value={form.value.guidanceScale}
              onInput={({ currentTarget }) => edit({ guidanceScale: currentTarget.value })}
            />
          )}
        </Field>
      </div>
    </>
  );
}

/** Draws another seed. */
export function randomSeed(): void {
  edit({ seed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 0 });
}

function SpeedFields() {
  const { speed } = form.value;
  const isCache = speed === "copy" || speed === "forecast";
  const branches = model.value?.branches ?? [];
  return (
    <fieldset class="speed">
      <legend>Faster by</legend>
      <Field label="Way" name="speed">
        {(props) => (
          <select
            {...props}
            value={speed}
            onChange={({ currentTarget }) => edit({ speed: currentTarget.value as Speed })}
          >
            {Object.entries(SPEEDS).map(([value, says]) => (
              <option key={value} value={value}>
                {says}
              </option>
            ))}
          </select>
        )}
      </Field>
      {speed === "policy" ? (
        <Field label="Policy" name="policy">
          {(props) => (
            <input
              {...props}
              value={form.value.policy}
              spellcheck={false}
              onInput={({ currentTarget }) => edit({ policy: currentTarget.value })}
            />
          )}
        </Field>
      ) : (
        <RangeField
          label="Whole network on every"
          name="interval"
          min={2}
          max={10}
          disabled={!isCache}
          shown={(n) => (isCache ? `N=${n}` : "preset's")}
        />
      )}
      <Field label="A cached one computes" name="branch">
        {(props) => (
          <select
            {...props}
            value={form.value.branch}
            disabled={!isCache}
            onChange={({ currentTarget }) => edit({ branch: Number(currentTarget.value) })}
          >
            {(branches.length === 0 ? [{ branch: 0, share: undefined }] : branches).map(({ branch, share }) => (
              <option key={branch} value={branch}>
                branch {branch}
                {share === undefined ? "" : ` · ${Math.round(100 * share)} % of full`}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Order" name="order">
        {(props) => (
          <select
            {...props}
            value={form.value.order}
            onChange={({ currentTarget }) => edit({ order: currentTarget.value as Form["order"] })}
          >
            <option value="turns">both in turns</option>
            <option value="fast">fast one first</option>
          </select>
        )}
      </Field>
      <p class="estimate">{estimateText(form.value)}</p>
    </fieldset>
  );
}

function estimateText(asked: Form): string {
  if (isPreset(asked.speed)) return "The preset chooses sampler, steps and cache.";
  const found = estimate(asked, model.value?.branches ?? []);
  if (found === undefined) return "The first run says how much less it computes.";
  return `About ${found.speedup.toFixed(1)}× less to compute; at this depth never more than ${found.limit.toFixed(1)}×.`;
}

function More() {
  return (
    <details class="more">
      <summary>More</summary>
      <Field label="Negative prompt" name="negativePrompt">
        {(props) => (
          <textarea
            {...props}
            rows={2}
            value={form.value.negativePrompt}
            onInput={({ currentTarget }) => edit({ negativePrompt: currentTarget.value })}
          />
        )}
      </Field>
      <Field label="Sampler" name="sampler">
        {(props) => (
          <select
            {...props}
            value={form.value.sampler}
            onChange={({ currentTarget }) => edit({ sampler: currentTarget.value })}
          >
            <option value="">model's own</option>
            {samplersShown().map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <div class="row">
        <NumberField label="Clip skip" name="clipSkip" min={0} max={11} />
        <NumberField
          label="Preview every"
          name="previewEvery"
          min={0}
          max={50}
          hint="evaluations; 0 for none. Previews take time, which is not counted."
        />
      </div>
    </details>
  );
}

/** Also a name that a link or a picture brought, which may be another program's. */
function samplersShown(): readonly string[] {
  const known = model.value?.samplers ?? [];
  const { sampler } = form.value;
  return sampler === "" || known.includes(sampler) ? known : [...known, sampler];
}
