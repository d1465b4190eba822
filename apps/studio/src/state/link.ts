import { FIRST_FORM, type Form, ORDERS, RANGES, SPEEDS } from "./form.ts";

/** A form as the part of a link behind `#`: what differs from `base`. */
export function formToLink(form: Form, base: Form = FIRST_FORM): string {
  const said = new URLSearchParams();
  for (const key of Object.keys(base) as (keyof Form)[]) {
    if (form[key] !== base[key]) said.set(key, String(form[key]));
  }
  return said.toString();
}

/** Fields that are one of a few words. */
const WORDS: Readonly<Partial<Record<string, readonly string[]>>> = { speed: SPEEDS, order: ORDERS };

/** The longest text that a link sets. */
const LONGEST = 4000;

/** The form that a link asks for; what it does not say, or what is not allowed, is as in `base`. */
export function formFromLink(hash: string, base: Form = FIRST_FORM): Form {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const read: Record<string, string | number> = { ...base };
  for (const [key, own] of Object.entries(base)) {
    const value = said.get(key);
    if (value === null) continue;
    if (typeof own === "number") {
      const [least, most] = RANGES[key as keyof typeof RANGES];
      const number = Number(value);
      if (value.trim() !== "" && Number.isSafeInteger(number) && number >= least && number <= most) read[key] = number;
    } else if (WORDS[key]?.includes(value) ?? true) read[key] = value.slice(0, LONGEST);
  }
  return read as unknown as Form;
}
