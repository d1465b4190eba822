import { missingPackage } from "../missing-package.ts";
import type { ObjectStore } from "./object-store.ts";
import { folderObjects } from "./stores/folder.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const schemeOf = (place: string): string | undefined => /^([a-z][a-z0-9+.-]+):\/\//i.exec(place)?.[1];

/** Whether the store at a place is a folder of this machine. */
export const isFolderStore = (place: string): boolean => schemeOf(place) === undefined;

/**
 * The store at a place: a folder, or `s3://BUCKET/PREFIX` with the credentials, region and endpoint that the environment has
 * under Amazon's names.
 */
export async function openObjects(place: string, environment: Environment): Promise<ObjectStore> {
  const [, bucket, prefix = ""] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(place) ?? [];
  if (bucket === undefined) {
    if (isFolderStore(place)) return folderObjects(place);
    throw new RangeError(`Cannot use the store "${place}": a folder or s3://BUCKET/PREFIX is required`);
  }
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(bucket) || !/^(?!\/)[\w/-]*$/.test(prefix) || prefix.includes("//")) {
    throw new RangeError(
      `Cannot use the store "${place}": buckets have small letters, digits, "." and "-", prefixes letters, digits, "-", "_" and "/"`,
    );
  }
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  if (!accessKeyId || !secretAccessKey) {
    throw new RangeError(`Cannot use the store "${place}": AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are required`);
  }
  const { s3Objects } = await import("./stores/s3.ts").catch((error: unknown) => {
    throw missingPackage(error, "Cannot use an S3 store", "aws4fetch");
  });
  return s3Objects({
    ...{ bucket, accessKeyId, secretAccessKey, sessionToken: environment["AWS_SESSION_TOKEN"] },
    prefix: prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`,
    endpoint: environment["AWS_ENDPOINT_URL_S3"] ?? environment["AWS_ENDPOINT_URL"],
    region: environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"],
  });
}
