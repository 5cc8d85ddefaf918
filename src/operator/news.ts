/** Which changes of a resource need a pass. */
import type { KubeObject } from "../api/kube-object.ts";

/** Its own status writes come back as changes; only what somebody else changed needs a look. */
export function isNews(object: KubeObject | undefined, previous: KubeObject | undefined): boolean {
  const before = previous?.metadata;
  const after = object?.metadata;
  if (before === undefined || after === undefined) return true;
  const sameSpec = before.generation === after.generation && before.uid === after.uid;
  return !sameSpec || before.deletionTimestamp !== after.deletionTimestamp;
}
