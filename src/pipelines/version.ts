/** The version of this package; the build writes it from package.json. */
export const VERSION = "0.1.0";
