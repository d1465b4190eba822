import { type Forecast, forecastSetting } from "./forecast-setting.ts";
import { type Setting, whole } from "./setting.ts";

/** A setting for every field of `S`, in the order in which text has them. */
export type SettingTable<S> = { readonly [K in keyof S]-?: Setting<NonNullable<S[K]>> };

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
  /** The same settings as seen from a later evaluation, where they name evaluations. */
  from?(settings: Readonly<S>, evaluation: number): Readonly<S>;
}

/** What every policy with a cache has, whatever its kind; in text it comes last. */
export interface SharedSettings {
  /** The deepest skip connection that a cached evaluation computes. */
  branch: number;
  /** Full evaluations at the start, after the last of which the kind's own schedule begins; 1 where left out. */
  warmup?: number;
  /** What stands in for the trunk where it does not run; a copy of its last result where left out. */
  forecast?: Forecast;
}

const SHARED: SettingTable<SharedSettings> = {
  branch: whole(0, { fallback: 0 }),
  warmup: { ...whole(1, { optional: true, absent: 1 }), example: "COUNT" },
  forecast: forecastSetting,
};

/** A kind that caches: what is its own, and the settings that all such kinds share. */
export const kind = <S extends object>(own: PolicyKind<S>): PolicyKind<S & SharedSettings> => ({
  says: own.says,
  settings: { ...own.settings, ...SHARED } as SettingTable<S & SharedSettings>,
  full(settings, length, evaluations) {
    const { warmup = 1 } = settings;
    const early = Math.min(warmup, evaluations) - 1; // full ones before the one with which the schedule begins
    const later = early === 0 ? settings : { ...settings, ...own.from?.(settings, early) };
    const scheduled = own.full(later, Math.max(1, length - early), evaluations - early);
    return [...Array.from({ length: early }, (_, i) => i), ...scheduled.map((evaluation) => early + evaluation)];
  },
});
