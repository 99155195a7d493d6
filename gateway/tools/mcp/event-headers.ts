/** The headers of a stream of events. */
export const eventHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "private, no-store",
  // what stands between must not collect events before it passes them on
  "x-accel-buffering": "no",
};
