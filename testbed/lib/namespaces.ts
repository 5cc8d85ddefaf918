/** Namespaces for tests. */

type Kubectl = (args: readonly string[], stdin?: string) => Promise<string>;

let made = 0;

/** Makes a namespace with a new name and waits for its default service account, without which no pod is admitted. */
export async function freshNamespace(
  kubectl: Kubectl,
  controllers: boolean,
  prefix = "test",
): Promise<string> {
  made += 1;
  const name = `${prefix}-${Date.now().toString(36)}-${process.pid.toString(36)}-${made}`;
  await kubectl(["create", "namespace", name]);
  if (controllers) {
    await kubectl(["wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=60s"]);
  }
  return name;
}
