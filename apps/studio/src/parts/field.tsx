import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Form, RANGES } from "../state/form.ts";
import { edit, form, problems } from "../state/session.ts";

/** What a field has beside its label. */
interface FieldOptions {
  readonly label: string;
  readonly name: keyof Form;
  readonly hint?: ComponentChildren;
}

/** What an input needs to be known by its label, its hint and what is wrong with it. */
export interface InputProps {
  readonly id: string;
  readonly "aria-invalid": "true" | undefined;
  readonly "aria-describedby": string | undefined;
}

/** A labelled input, with what is wrong with it below. */
export function Field({
  label,
  name,
  hint,
  children,
}: FieldOptions & { readonly children: (props: InputProps) => ComponentChildren }) {
  const id = useId();
  const problem = problems.value[name];
  const described = [problem === undefined ? [] : `${id}-problem`, hint === undefined ? [] : `${id}-hint`].flat();
  return (
    <div class={`field ${name}`}>
      <label for={id}>{label}</label>
      {children({
        id,
        "aria-invalid": problem === undefined ? undefined : "true",
        "aria-describedby": described.length === 0 ? undefined : described.join(" "),
      })}
      {problem !== undefined && (
        <p class="problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

type Numeric = keyof typeof RANGES;

/** A whole number. */
export function NumberField({
  label,
  name,
  hint,
  step = 1,
  min,
  max,
  disabled = false,
}: FieldOptions & {
  readonly name: Numeric;
  readonly step?: number;
  readonly min: number;
  readonly max: number;
  readonly disabled?: boolean;
}) {
  return (
    <Field label={label} name={name} hint={hint}>
      {(props) => (
        <input
          {...props}
          type="number"
          inputMode="numeric"
          value={Number.isNaN(form.value[name]) ? "" : form.value[name]}
          onInput={({ currentTarget }) => edit({ [name]: currentTarget.valueAsNumber })}
          {...{ step, min, max, disabled }}
        />
      )}
    </Field>
  );
}

/** A whole number by a slider, with its value beside it. */
export function RangeField({
  label,
  name,
  min,
  max,
  disabled = false,
  shown = String,
}: FieldOptions & {
  readonly name: Numeric;
  readonly min: number;
  readonly max: number;
  readonly disabled?: boolean;
  readonly shown?: (value: number) => string;
}) {
  const value = form.value[name];
  return (
    <Field label={label} name={name}>
      {(props) => (
        <span class="range">
          <input
            {...props}
            type="range"
            value={value}
            aria-valuetext={shown(value)}
            onInput={({ currentTarget }) => edit({ [name]: currentTarget.valueAsNumber })}
            {...{ min, max, disabled }}
          />
          <output for={props.id}>{shown(value)}</output>
        </span>
      )}
    </Field>
  );
}
