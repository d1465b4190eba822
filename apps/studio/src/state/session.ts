import { computed, effect, signal } from "@preact/signals";
import type { Engine, OpenedModel } from "../engine/engine.ts";
import { FIRST_FORM, type Form, problemsOf } from "./form.ts";
import { formFromLink, formToLink } from "./link.ts";
import { ownModels } from "./models/own-models.ts";
import type { Pair, Status } from "./run-state.ts";

/** What runs the models; none until it has been found. */
export const engine = signal<Engine | undefined>(undefined);
/** The names of the models that it has of its own. */
export const engineModels = signal<readonly string[]>([]);
/** The names of models that were opened in this visit from files that cannot be found again. */
export const visiting = signal<readonly string[]>([]);
/** The names of all models that can be opened. */
export const models = computed(() => [
  ...new Set([...engineModels.value, ...ownModels.value.map(({ name }) => name), ...visiting.value]),
]);
/** The model that is open. */
export const model = signal<OpenedModel | undefined>(undefined);
/** What the visitor has set. */
export const form = signal<Form>(FIRST_FORM);
/** The form before it was replaced as a whole, to go back to. */
export const formerForm = signal<Form | undefined>(undefined);
/** What is wrong with the form. */
export const problems = computed(() => problemsOf(form.value, model.value));
/** The pair in the centre of the page. */
export const pair = signal<Pair | undefined>(undefined);
/** What the studio is doing. */
export const status = signal<Status>({ kind: "empty" });
/** What may surprise in the last run. */
export const warnings = signal<readonly string[]>([]);
/** A line of news for a while, such as what a picture said that the form has no field for. */
export const notice = signal<string | undefined>(undefined);
/** Whether models are opened so that they take less memory. */
export const isSparing = signal(false);
/** Whether runs are under way that must not be disturbed. */
export const isBusy = computed(() => status.value.kind === "opening" || status.value.kind === "running");

/** Changes some fields of the form. */
export function edit(change: Partial<Form>): void {
  form.value = { ...form.value, ...change };
}

/** Replaces the form; what it was can be had back. */
export function replaceForm(other: Form): void {
  formerForm.value = form.value;
  form.value = { ...other, model: form.value.model };
}

/** Gives back the form as it was before it was replaced. */
export function undoForm(): void {
  if (formerForm.value === undefined) return;
  form.value = formerForm.value;
  formerForm.value = undefined;
}

/** Puts the form into the link and keeps it for the next visit. */
export function keepForm(): void {
  const kept = localStorage.getItem("form");
  form.value = formFromLink(location.hash === "" ? (kept ?? "") : location.hash);
  effect(() => {
    const link = formToLink(form.value);
    localStorage.setItem("form", link);
    history.replaceState(null, "", link === "" ? location.pathname + location.search : `#${link}`);
  });
  window.addEventListener("hashchange", () => {
    const { model: own } = form.value;
    const linked = formFromLink(location.hash, { ...FIRST_FORM, model: own });
    form.value = models.value.includes(linked.model) ? linked : { ...linked, model: own };
  });
}
