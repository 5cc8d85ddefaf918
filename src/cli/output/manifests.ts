/** Kubernetes objects as YAML documents that every reader of YAML understands alike, and that people like to read. */
import { Document, type Scalar, visit } from "yaml";
import type { KubeObject } from "../../api/kube-object.ts";

/** kubectl takes more words and numbers out of unquoted text than YAML 1.2 does: on, yes, 1_000, 0o17, 12:30. */
const SURELY_TEXT = /^[A-Za-z/][\w./-]*(?: [\w./-]+)*$/;
const WORDS = /^(?:true|false|null|yes|no|on|off|y|n)$/i;

function scalarStyle(node: Scalar): void {
  if (typeof node.value !== "string") return;
  if (node.value.includes("\n")) node.type = "BLOCK_LITERAL";
  else if (!SURELY_TEXT.test(node.value) || WORDS.test(node.value)) node.type = "QUOTE_DOUBLE";
}

/** One value as a document, without the line that parts documents. */
export function asYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    // Keys stay as they are: kubectl makes text of whatever it takes them for.
    Scalar: (key, node) => {
      if (key !== "key") scalarStyle(node);
    },
  });
  return document.toString({ lineWidth: 0 });
}

export function manifests(objects: readonly KubeObject[]): string {
  return objects.map((object) => `---\n${asYaml(object)}`).join("");
}
