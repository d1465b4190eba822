import { useEffect, useState } from "preact/hooks";

/** An address for a blob while it is shown. */
export function useUrl(blob: Blob | undefined): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (blob === undefined) return setUrl(undefined);
    const made = URL.createObjectURL(blob);
    setUrl(made);
    // The picture before stays until the new one is drawn.
    return () => setTimeout(() => URL.revokeObjectURL(made), 1000);
  }, [blob]);
  return url;
}
