import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadKubeConfig } from "./config.ts";
import { KubeConfigError } from "./kubeconfig.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "sluice-kube-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const base64 = (text: string): string => Buffer.from(text).toString("base64");

function write(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

function kubeconfig(user: object, cluster: object = {}, context: object = {}): object {
  return {
    "current-context": "x",
    contexts: [{ name: "x", context: { cluster: "c", user: "u", ...context } }],
    clusters: [{ name: "c", cluster: { server: "https://c:6443/", ...cluster } }],
    users: [{ name: "u", user }],
  };
}

async function failure(loading: Promise<unknown>): Promise<KubeConfigError> {
  const error: unknown = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof KubeConfigError) return error;
  throw new Error(`not a KubeConfigError: ${String(error)}`);
}

function program(body: string): string {
  const path = write("plugin", `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o700);
  return path;
}

function credential(status: object): string {
  return JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status });
}

describe("where the configuration is looked for", () => {
  test("the file named goes before the variable", async () => {
    const named = write("named", kubeconfig({ token: "named" }));
    const other = write("other", kubeconfig({ token: "other" }));
    const access = await loadKubeConfig({ kubeconfig: named, env: { KUBECONFIG: other } });
    expect(await access.headers()).toEqual({ authorization: "Bearer named" });
    expect(access).toMatchObject({ server: "https://c:6443", namespace: "default", proxyUrl: undefined });
  });

  test("files in the variable are merged, missing ones skipped", async () => {
    const one = write("one", {
      "current-context": "x",
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    });
    const two = write("two", kubeconfig({ token: "two" }, {}, { namespace: "team" }));
    const KUBECONFIG = [one, join(folder, "missing"), two].join(delimiter);
    const access = await loadKubeConfig({ env: { KUBECONFIG } });
    expect(await access.headers()).toEqual({ authorization: "Bearer two" });
    expect(access.namespace).toBe("default");
  });

  test("then the home folder", async () => {
    const error = await failure(loadKubeConfig({ env: { HOME: folder } }));
    expect(error.message).toBe(`The kubeconfig ${join(folder, ".kube", "config")} does not exist`);
    expect(error.next).toContain("KUBECONFIG");
  });

  test("a list of files of which none exists is an error", async () => {
    const KUBECONFIG = [join(folder, "a"), join(folder, "b")].join(delimiter);
    expect((await failure(loadKubeConfig({ env: { KUBECONFIG } }))).message).toMatch(
      /None of .*a, .*b exists/,
    );
  });
});

describe("inside a pod", () => {
  const pod = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "6443" };

  test("the service account serves, and its token is read again after a refusal", async () => {
    write("token", "first\n");
    write("ca.crt", "CA");
    write("namespace", "ops\n");
    const access = await loadKubeConfig({ env: { ...pod, HOME: folder }, serviceAccountFolder: folder });
    expect(access).toMatchObject({ server: "https://[fd00::1]:6443", namespace: "ops" });
    expect(await access.tls()).toMatchObject({ ca: "CA", rejectUnauthorized: true });
    expect(await access.headers()).toEqual({ authorization: "Bearer first" });
    write("token", "second");
    access.refresh();
    expect(await access.headers()).toEqual({ authorization: "Bearer second" });
  });

  test("without a token, the error says how to give it one", async () => {
    const error = await failure(
      loadKubeConfig({ env: { ...pod, HOME: folder }, serviceAccountFolder: folder }),
    );
    expect(error.message).toContain("no service account token");
    expect(error.next).toContain("automountServiceAccountToken");
  });
});

describe("credentials", () => {
  test("certificates come inline or from files beside the kubeconfig", async () => {
    write("u.crt", "CERT");
    const file = write(
      "config",
      kubeconfig(
        { "client-certificate": "u.crt", "client-key-data": base64("KEY") },
        {
          "certificate-authority-data": base64("CA"),
          "tls-server-name": "inner",
          "insecure-skip-tls-verify": true,
        },
      ),
    );
    const access = await loadKubeConfig({ kubeconfig: file, env: {} });
    expect(await access.tls()).toEqual({
      ca: "CA",
      cert: "CERT",
      key: "KEY",
      servername: "inner",
      rejectUnauthorized: false,
    });
    expect(await access.headers()).toEqual({});
  });

  test("a certificate that cannot be read is told at the start, with what names it", async () => {
    const file = write("config", kubeconfig({}, { "certificate-authority": "gone.crt" }));
    const error = await failure(loadKubeConfig({ kubeconfig: file, env: {} }));
    expect(error.message).toBe(
      `The context "x" of ${file} names ${join(folder, "gone.crt")} as its certificate-authority, which cannot be read (ENOENT)`,
    );
  });

  test("a token file goes before a token", async () => {
    write("token", "from-file\n");
    const file = write("config", kubeconfig({ token: "inline", tokenFile: "token" }));
    const access = await loadKubeConfig({ kubeconfig: file, env: {} });
    expect(await access.headers()).toEqual({ authorization: "Bearer from-file" });
  });

  test("a name and a password are sent as basic authentication", async () => {
    const file = write("config", kubeconfig({ username: "me", password: "pw" }));
    const access = await loadKubeConfig({ kubeconfig: file, env: {} });
    expect(await access.headers()).toEqual({ authorization: `Basic ${base64("me:pw")}` });
  });

  test("impersonation keeps all its parts, since fewer would mean other rights", async () => {
    const file = write(
      "config",
      kubeconfig({
        token: "t",
        as: "jane",
        "as-uid": "7",
        "as-groups": ["a", "b"],
        "as-user-extra": { "example.com/Scope": ["view"] },
      }),
    );
    const access = await loadKubeConfig({ kubeconfig: file, env: {} });
    expect(await access.headers()).toEqual({
      authorization: "Bearer t",
      "impersonate-user": "jane",
      "impersonate-uid": "7",
      "impersonate-group": ["a", "b"],
      "impersonate-extra-example.com%2fscope": ["view"],
    });
  });

  test("the kubeconfig's proxy is used", async () => {
    const file = write("config", kubeconfig({}, { "proxy-url": "http://p:3128" }));
    expect((await loadKubeConfig({ kubeconfig: file, env: {} })).proxyUrl).toBe("http://p:3128");
  });
});

describe("credentials from a program", () => {
  test("are a token, fetched once for calls in a row and again after a refusal", async () => {
    const count = write("count", "");
    const answer = credential({ token: "t%s" });
    const command = program(`echo x >> "$COUNT"; printf '${answer}' "$(wc -l < "$COUNT")"`);
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command,
      env: [{ name: "COUNT", value: count }],
    };
    const access = await loadKubeConfig({ kubeconfig: write("config", kubeconfig({ exec })), env: {} });
    const [first, second] = await Promise.all([access.headers(), access.headers()]);
    expect([first, second]).toEqual([{ authorization: "Bearer t1" }, { authorization: "Bearer t1" }]);
    access.refresh();
    expect(await access.headers()).toEqual({ authorization: "Bearer t2" });
  });

  test("or a certificate, and the program is told what is wanted", async () => {
    const status = { clientCertificateData: "CERT", clientKeyData: "KEY" };
    const info = join(folder, "info");
    const command = program(`printf %s "$KUBERNETES_EXEC_INFO" > "$INFO"; echo '${credential(status)}'`);
    const exec = { command, provideClusterInfo: true, env: [{ name: "INFO", value: info }] };
    const access = await loadKubeConfig({ kubeconfig: write("config", kubeconfig({ exec })), env: {} });
    expect(await access.tls()).toMatchObject({ cert: "CERT", key: "KEY" });
    expect(JSON.parse(readFileSync(info, "utf8"))).toMatchObject({
      kind: "ExecCredential",
      spec: { cluster: { server: "https://c:6443/" } },
    });
  });

  test("a program that is not there is told with its install hint", async () => {
    const exec = { command: join(folder, "nope"), installHint: "Install nope.\n" };
    const access = await loadKubeConfig({ kubeconfig: write("config", kubeconfig({ exec })), env: {} });
    const error = await failure(access.headers());
    expect(error.message).toMatch(
      /context "x" of .* gets its credentials from the program ".*nope": it is not installed/,
    );
    expect(error.next).toBe("Install nope.");
  });

  test("a program that fails is told with what it said", async () => {
    const command = program("echo 'session expired, log in' >&2; exit 3");
    const access = await loadKubeConfig({
      kubeconfig: write("config", kubeconfig({ exec: { command } })),
      env: {},
    });
    expect((await failure(access.headers())).message).toMatch(/session expired, log in$/);
  });
});
