/** Width and height of a glyph in dots; the eighth row is for descenders. */
export const GLYPH = { width: 5, height: 8 } as const;

/** Dots of ASCII 32 to 126: five columns of two hexadecimal digits each, the lowest bit on top. */
const GLYPHS =
  "0000000000 00005f0000 0003000300 147f147f14 242a7f2a12 2313086462 3649562050 0000030000 001c224100 0041221c00 " +
  "14083e0814 08083e0808 0080600000 0808080808 0060600000 2010080402 3e5149453e 00427f4000 4261514946 2241494936 " +
  "1814127f10 2745454539 3c4a494930 0171090503 3649494936 064949291e 0000360000 0080360000 0814224100 1414141414 " +
  "0041221408 0201510906 3e415d551e 7e1111117e 7f49494936 3e41414122 7f4141413e 7f49494941 7f09090901 3e4149497a " +
  "7f0808087f 00417f4100 2040413f01 7f08142241 7f40404040 7f020c027f 7f0408107f 3e4141413e 7f09090906 3e4151215e " +
  "7f09192946 2649494932 01017f0101 3f4040403f 1f2040201f 3f4038403f 6314081463 0304780403 6151494543 007f414100 " +
  "0204081020 0041417f00 0402010204 4040404040 0001020000 2054545478 7f48444438 3844444428 384444487f 3854545418 " +
  "087e090102 18a4a4a47c 7f08040478 00447d4000 4080847d00 7f10284400 00417f4000 7c04180478 7c08040478 3844444438 " +
  "fc24242418 18242424fc 7c08040408 4854545424 043f444020 3c4040207c 1c2040201c 3c4030403c 4428102844 1ca0a0a07c " +
  "4464544c44 0008364100 00007f0000 0041360800 0402040804";

const FIRST = 32;
const TABLE = GLYPHS.split(" ");
/** Stands for characters without a glyph. */
const BOX = "7f4141417f";
const SIMILAR: Readonly<Record<string, string>> = { "×": "x", "–": "-", "—": "-", "−": "-", "·": ".", "’": "'" };

/** Whether the glyph of `character` has a dot at column `x`, row `y`. */
export function dotAt(character: string, x: number, y: number): boolean {
  const shown = SIMILAR[character] ?? character;
  const columns = TABLE[(shown.codePointAt(0) ?? 0) - FIRST] ?? BOX;
  const column = Number.parseInt(columns.slice(2 * x, 2 * x + 2), 16);
  return ((column >> y) & 1) === 1;
}
