import type { Redis } from "ioredis";
import { checkObjectName, type ObjectStore } from "../object-store.ts";

/** Files in Redis, each of which goes by itself after `seconds`. */
export function redisObjects(redis: Redis, prefix: string, seconds: number): ObjectStore {
  const key = (name: string): string => `${prefix}:objects:${checkObjectName(name)}`;
  return {
    async put(name, bytes) {
      await redis.set(key(name), Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), "EX", seconds);
    },
    async get(name) {
      const bytes = await redis.getBuffer(key(name));
      return bytes === null ? undefined : Uint8Array.from(bytes);
    },
    async remove(name) {
      await redis.del(key(name));
    },
    list: async () => [],
  };
}
