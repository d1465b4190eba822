import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** An element, and how wide it is now in pixels. */
export function useWidth<T extends HTMLElement>(first = 600): readonly [RefObject<T | null>, number] {
  const element = useRef<T>(null);
  const [width, setWidth] = useState(first);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) =>
      setWidth(Math.max(220, Math.floor(entry?.contentRect.width ?? first))),
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}
