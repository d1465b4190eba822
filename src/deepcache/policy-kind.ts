import { type Setting, whole } from "./setting.ts";

/** A setting for every field of `S`, in the order in which text has them. */
export type SettingTable<S> = { readonly [K in keyof S]: Setting<S[K]> };

/** A kind of cache policy: its settings, and which evaluations they make full. */
export interface PolicyKind<S extends object> {
  /** What is full, in one line for help texts. */
  readonly says: string;
  readonly settings: SettingTable<S>;
  /**
   * The full evaluations in increasing order from 0. `length` is what the published schedules call T: the number of
   * evaluations, except for PNDM, where the published code plans one fewer.
   */
  full(settings: Readonly<S>, length: number, evaluations: number): readonly number[];
}

/** What every policy with a cache has, whatever its kind; in text it comes last. */
export interface SharedSettings {
  /** The deepest skip connection that a cached evaluation computes. */
  branch: number;
}

const SHARED: SettingTable<SharedSettings> = { branch: whole(0, { fallback: 0 }) };

/** A kind that caches: what is its own, and the settings that all such kinds share. */
export const kind = <S extends object>(own: PolicyKind<S>): PolicyKind<S & SharedSettings> => ({
  ...own,
  settings: { ...own.settings, ...SHARED } as SettingTable<S & SharedSettings>,
});
