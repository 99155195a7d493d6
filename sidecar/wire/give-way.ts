import { platform, setPriority } from "node:os";

/** Lets decisions go before what this thread does. Linux alone knows a thread's own priority; elsewhere it stays as it is. */
export function giveWay(): void {
  if (platform() !== "linux") return;
  try {
    setPriority(10);
  } catch {
    // where that is forbidden, they share
  }
}
