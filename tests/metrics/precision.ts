/** Decimals for values of order 1 to 1000, computed in float64 in another order of summation. */
export const DIGITS_OF_FLOAT64 = 9;
/** Decimals for the Fréchet distance of singular covariances, whose root scipy computes only so well (fixtures/README.md). */
export const DIGITS_OF_SINGULAR_ROOT = 3;
/** Decimals for what was computed in float32 and lies between 0 and 100. */
export const DIGITS_OF_FLOAT32 = 4;
/** Decimals for distances of Inception features, against pytorch-fid's: scipy's roots of singular matrices are no better. */
export const DIGITS_OF_FID = 3;
