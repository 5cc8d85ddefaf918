/** Rules on the ingress and the log configuration. */
import type { IngressSpec } from "../../api/flink-deployment.ts";
import { error, type Finding, joinPath } from "./finding.ts";
import { nearest } from "./nearest.ts";
import type { Subject } from "./subject.ts";

const LOG_FILES = ["log4j-console.properties", "logback-console.xml"];

/** Whether the template is a URL once the name and namespace are filled in. A scheme may be left out. */
function isUrlTemplate(template: string, name: string, namespace: string): boolean {
  const url = (/^\w+:\/\//.test(template) ? template : `http://${template}`)
    .replaceAll(/\{\{name\}\}/gi, name)
    .replaceAll(/\{\{namespace\}\}/gi, namespace);
  // Not the WHATWG parser: `/{{namespace}}/{{name}}(/|$)(.*)` is a legal template, with an empty host and a pattern
  // for its path.
  return /^(https?|ftp|file|jar):\/\/([^/\s:]*|\[[\da-f:]+\])(:\d{1,5})?(\/.*)?$/i.test(url);
}

export function checkIngressSpec(
  ingress: IngressSpec | undefined,
  name: string,
  namespace: string,
  path: string,
): Finding[] {
  if (ingress === undefined) return [];
  const { template } = ingress;
  if (template === undefined) {
    return [error(`${path}.template`, "is required", 'for example "{{name}}.{{namespace}}.example.com"')];
  }
  if (isUrlTemplate(template, name, namespace)) return [];
  return [
    error(
      `${path}.template`,
      `is no URL: ${JSON.stringify(template)}`,
      'for example "{{name}}.{{namespace}}.example.com" or "example.com/{{namespace}}/{{name}}(/|$)(.*)"',
    ),
  ];
}

export function checkIngress({ spec, name, namespace }: Subject): Finding[] {
  return checkIngressSpec(spec.ingress, name, namespace, "spec.ingress");
}

export function checkLogConfiguration({ spec }: Subject): Finding[] {
  return Object.keys(spec.logConfiguration ?? {})
    .filter((file) => !LOG_FILES.includes(file))
    .map((file) => {
      const meant = nearest(file, LOG_FILES);
      return error(
        joinPath("spec.logConfiguration", file),
        `no such log file; known are ${LOG_FILES.join(" and ")}`,
        meant === undefined ? undefined : `did you mean ${meant}?`,
        meant,
      );
    });
}
