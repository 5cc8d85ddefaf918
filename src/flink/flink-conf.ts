/** `flink-conf.yaml`, which has the name of YAML only: a line is a key, a colon with a blank, and a value as it is. */
export function parseFlinkConf(text: string): Record<string, string> {
  const entries = text.split("\n").flatMap((line): [string, string][] => {
    const [content = ""] = line.split("#", 1);
    const at = content.indexOf(": ");
    const [key, value] = [content.slice(0, at).trim(), content.slice(at + 2).trim()];
    return at < 0 || key === "" || value === "" ? [] : [[key, value]];
  });
  return Object.fromEntries(entries);
}
