import { describe, expect, test } from "vitest";
import { KubeConfigError, mergeKubeConfigs, parseKubeConfig, selectContext } from "./kubeconfig.ts";

const text = `
apiVersion: v1
kind: Config
current-context: dev
contexts:
- name: dev
  context: {cluster: c, user: u, namespace: team}
- name: nobody
  context: {cluster: c}
- name: lost-cluster
  context: {cluster: gone, user: u}
- name: lost-user
  context: {cluster: c, user: gone}
- name: bad-server
  context: {cluster: bad, user: u}
clusters:
- name: c
  cluster: {server: "https://c:6443", certificate-authority: ca.crt, unheard-of: 1}
- name: bad
  cluster: {server: "c:port"}
users:
- name: u
  user: {token: t, client-certificate: /abs/u.crt, tokenFile: sub/token}
`;
const config = parseKubeConfig(text, "/home/x/.kube/config");

function failure(action: () => unknown): KubeConfigError {
  try {
    action();
  } catch (error) {
    if (error instanceof KubeConfigError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("choosing a context", () => {
  test("the current one, unless another is wanted", () => {
    const selection = selectContext(config, undefined);
    expect(selection).toMatchObject({ context: "dev", namespace: "team", user: { token: "t" } });
    expect(selection.description).toBe('context "dev" of /home/x/.kube/config');
    expect(selectContext(config, "nobody")).toMatchObject({
      context: "nobody",
      namespace: undefined,
      user: {},
    });
  });

  test("relative paths are relative to the file", () => {
    const { cluster, user } = selectContext(config, "dev");
    expect(cluster["certificate-authority"]).toBe("/home/x/.kube/ca.crt");
    expect(user.tokenFile).toBe("/home/x/.kube/sub/token");
    expect(user["client-certificate"]).toBe("/abs/u.crt");
  });

  test.each([
    ["a context that is not there", "other", 'has no context "other"', "known: bad-server, dev,"],
    ["a cluster that is not there", "lost-cluster", 'names the cluster "gone"', 'under "clusters"'],
    ["a user that is not there", "lost-user", 'names the user "gone"', 'under "users"'],
    ["a server that is no URL", "bad-server", "no usable server: c:port", "https://"],
  ])("%s is an error with file, context and next step", (_, context, message, next) => {
    const error = failure(() => selectContext(config, context));
    expect(error.message).toContain(message);
    expect(error.message).toContain("/home/x/.kube/config");
    expect(error.next).toContain(next);
  });

  test("no current context is an error that lists what there is", () => {
    const error = failure(() => selectContext(parseKubeConfig("contexts: [{name: a}]", "f"), undefined));
    expect([error.message, error.next]).toEqual([
      "f names no current context",
      "Choose one with --context; known: a.",
    ]);
  });
});

describe("reading", () => {
  test("what is not YAML is an error that names the file", () => {
    expect(failure(() => parseKubeConfig("a: [", "f")).message).toMatch(/^f is no YAML \(/);
  });

  test("so is a list", () =>
    expect(failure(() => parseKubeConfig("- a", "f")).message).toMatch(/f is not a kubeconfig/));

  test("an empty file names no context", () => {
    expect(failure(() => selectContext(parseKubeConfig("", "f"), undefined)).message).toBe(
      "f names no current context",
    );
  });
});

const entry = (server: string, current: string): string =>
  `${current}\nclusters: [{name: c, cluster: {server: "${server}"}}, {name: "${server}", cluster: {server: "http://x"}}]`;

test("of several files the first that has a name wins", () => {
  const merged = mergeKubeConfigs([
    parseKubeConfig(entry("http://one", ""), "one"),
    parseKubeConfig(entry("http://two", "current-context: b"), "two"),
    parseKubeConfig("current-context: c", "three"),
  ]);
  expect(merged.currentContext).toBe("b");
  expect(merged.clusters.get("c")?.server).toBe("http://one");
  expect([...merged.clusters.keys()].toSorted()).toEqual(["c", "http://one", "http://two"]);
  expect(merged.files).toEqual(["one", "two", "three"]);
});
