import { describe, expect, it } from "vitest";
import { ingressUrl, renderIngress } from "./ingress.ts";

describe("an ingress template", () => {
  it.each<[template: string, host: string, path: string]>([
    ["{{name}}.{{namespace}}.example.org", "job.team.example.org", ""],
    ["example.org/{{namespace}}/{{name}}", "example.org", "/team/job"],
    ["/{{namespace}}/{{name}}(/|$)(.*)", "", "/team/job(/|$)(.*)"],
    ["https://{{NAME}}.example.org:8443/ui/?x=1#y", "job.example.org", "/ui/"],
    ["HTTP://user@example.org", "example.org", ""],
    ["example.org?x", "example.org", ""],
  ])("%s", (template, host, path) => {
    expect(ingressUrl(template, "job", "team")).toEqual({ host, path });
  });

  it("with a port that is none is refused", () => {
    expect(() => ingressUrl("example.org:http/x", "job", "team")).toThrow("spec.ingress.template");
  });
});

describe("an Ingress", () => {
  const owner = { name: "job", namespace: "team", uid: "uid-1" };

  it("is only there when it is asked for, and then needs a template", () => {
    expect(renderIngress(owner, undefined, {})).toBeUndefined();
    expect(renderIngress(owner, null, {})).toBeUndefined();
    expect(() => renderIngress(owner, {}, {})).toThrow("spec.ingress.template is not set");
  });

  it("leads to the REST service's port", () => {
    const spec = {
      template: "{{name}}.example.org/ui",
      className: "nginx",
      labels: { a: "b", component: "mine" },
      annotations: { c: "d" },
      tls: [{ hosts: ["x"], secretName: "s" }],
    };
    expect(renderIngress(owner, spec, { "rest.port": "9000" })).toEqual({
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: {
        name: "job",
        namespace: "team",
        labels: { a: "b", component: "ingress" },
        annotations: { c: "d" },
        ownerReferences: [
          {
            apiVersion: "flink.apache.org/v1beta1",
            kind: "FlinkDeployment",
            name: "job",
            uid: "uid-1",
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: {
        ingressClassName: "nginx",
        tls: [{ hosts: ["x"], secretName: "s" }],
        rules: [
          {
            host: "job.example.org",
            http: {
              paths: [
                {
                  path: "/ui",
                  pathType: "ImplementationSpecific",
                  backend: { service: { name: "job-rest", port: { number: 9000 } } },
                },
              ],
            },
          },
        ],
      },
    });
  });

  it("has no owner before there is one", () => {
    const ingress = renderIngress({ ...owner, uid: "" }, { template: "/x" }, {});
    expect(ingress?.metadata.ownerReferences).toBeUndefined();
  });
});
