/** Reads what processes have used: CPU time and memory of each with its children. */
import { existsSync, readFileSync } from "node:fs";
import { residentMb } from "../process.js";

/** `/proc/PID/stat` counts in these, on every Linux that Node runs on (USER_HZ). */
const ticksPerSecond = 100;

/** CPU time so far, user and system, all threads, microseconds. */
export function cpuMicros(pid: number): number {
  let sum = 0;
  for (const one of tree(pid)) {
    const stat = readFileSync(`/proc/${one}/stat`, "latin1");
    // the command's name may hold anything, even ") "
    const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
    sum += Number(fields[11]) + Number(fields[12]);
  }
  return (sum * 1e6) / ticksPerSecond;
}

/** Resident memory, MB. Pages that processes share count in each. */
export function treeResidentMb(pid: number): number {
  return tree(pid).reduce((sum, one) => sum + residentMb(one), 0);
}

/** Memory with shared pages split among who shares them (PSS), MB; 0 where the kernel doesn't say. */
export function treeShareMb(pid: number): number {
  return tree(pid).reduce((sum, one) => {
    const path = `/proc/${one}/smaps_rollup`;
    const text = existsSync(path) ? readFileSync(path, "latin1") : "";
    return sum + Number(/\nPss:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1_024;
  }, 0);
}

function tree(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  const children = existsSync(path) ? readFileSync(path, "latin1").trim().split(" ").filter(Boolean) : [];
  return [pid, ...children.flatMap((child) => tree(Number(child)))];
}
