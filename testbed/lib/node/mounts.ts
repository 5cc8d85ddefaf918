/** Mount points, as the kernel lists them. Pure. */

/** The mount points at or below `dir` in the text of /proc/self/mountinfo, innermost and newest first. */
export function mountsBelow(mountInfo: string, dir: string): string[] {
  return mountInfo
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((path) =>
      path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    )
    .filter((path) => path === dir || path.startsWith(`${dir}/`))
    .toReversed();
}
