const INITIAL_A = 0x43b0d7e5;
const MULTIPLIER_A = 0x931e8875;
const INITIAL_B = 0x8b51f9dd;
const MULTIPLIER_B = 0x58f38ded;
const MIX_LEFT = 0xca01f9dd;
const MIX_RIGHT = 0x4973f715;

/** What numpy's `SeedSequence` makes seeds from; whole numbers from 0 to 2^53 - 1. */
export interface SeedSequenceOptions {
  readonly entropy: number;
  /** Sets apart the sequences of one entropy. */
  readonly spawnKey?: readonly number[];
  /** Words of 32 bits that are mixed. */
  readonly poolSize?: number;
}

/** The first `count` seeds of 32 bits that numpy's `SeedSequence` gives (O'Neill 2015, "Developing a seed_seq alternative"). */
export function seedSequence(options: SeedSequenceOptions, count: number): number[] {
  const pool = mixedPool(options);
  let constant = INITIAL_B;
  return Array.from({ length: count }, (_, i) => {
    const mixed = (pool[i % pool.length]! ^ constant) >>> 0;
    constant = Math.imul(constant, MULTIPLIER_B) >>> 0;
    return folded(Math.imul(mixed, constant));
  });
}

function mixedPool({ entropy, spawnKey = [], poolSize = 4 }: SeedSequenceOptions): Uint32Array {
  let constant = INITIAL_A;
  const hash = (word: number): number => {
    const mixed = word ^ constant;
    constant = Math.imul(constant, MULTIPLIER_A) >>> 0;
    return folded(Math.imul(mixed, constant));
  };
  const spawned = spawnKey.flatMap(wordsOf);
  const run = wordsOf(entropy);
  const padding = spawned.length > 0 ? Array<number>(Math.max(poolSize - run.length, 0)).fill(0) : [];
  const words = [...run, ...padding, ...spawned];
  const pool = Uint32Array.from({ length: poolSize }, (_, i) => hash(words[i] ?? 0));
  for (let source = 0; source < poolSize; source++) {
    for (let target = 0; target < poolSize; target++) {
      if (source !== target) pool[target] = mix(pool[target]!, hash(pool[source]!));
    }
  }
  for (const word of words.slice(poolSize)) {
    for (let target = 0; target < poolSize; target++) pool[target] = mix(pool[target]!, hash(word));
  }
  return pool;
}

const folded = (word: number): number => (word ^ (word >>> 16)) >>> 0;
const mix = (left: number, right: number): number => folded(Math.imul(MIX_LEFT, left) - Math.imul(MIX_RIGHT, right));

/** A whole number as words of 32 bits, lowest first. */
function wordsOf(value: number): number[] {
  const high = Math.floor(value / 2 ** 32);
  return high === 0 ? [value >>> 0] : [value >>> 0, high];
}
