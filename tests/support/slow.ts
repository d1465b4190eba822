/** Whether tests that take a minute each are run as well: DEEPCACHE_TEST_SLOW=1. */
export const SLOW = process.env["DEEPCACHE_TEST_SLOW"] === "1";
