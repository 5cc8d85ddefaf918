/** What makes a custom resource of this group: names, columns, subresources and the schemas of its two halves. */
import type { TSchema } from "typebox";

export interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** Column title to JSON path, as `kubectl get` prints them. */
  readonly columns: Readonly<Record<string, string>>;
  /** Paths of the scale subresource, which `kubectl scale` and autoscalers use. */
  readonly scale?: {
    readonly specReplicasPath: string;
    readonly statusReplicasPath: string;
    readonly labelSelectorPath: string;
  };
  readonly spec: TSchema;
  readonly status: TSchema;
}
