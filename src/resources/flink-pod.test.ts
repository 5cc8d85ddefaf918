import { expect, it } from "vitest";
import { flinkImage } from "./flink-pod.ts";

const OPTION = "kubernetes.container.image.pull-policy";

it.each([
  ["Flink's default", {}, {}, "IfNotPresent"],
  ["the template's", {}, { imagePullPolicy: "Never" }, "Never"],
  ["the option's, in its own spelling", { [OPTION]: "always" }, {}, "Always"],
  ["the option's before the template's", { [OPTION]: "Always" }, { imagePullPolicy: "Never" }, "Always"],
])("an image is pulled as %s says", (_, config, own, imagePullPolicy) => {
  expect(flinkImage({ config, version: "v2_3" }, { name: "flink-main-container", ...own })).toEqual({
    image: "flink:2.3",
    imagePullPolicy,
  });
});
