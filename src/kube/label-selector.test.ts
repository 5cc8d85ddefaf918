import { expect, test } from "vitest";
import { matchesLabels } from "./label-selector.ts";

const labels = { app: "basic", type: "flink-native-kubernetes", empty: "" };

test.each([
  ["", true],
  ["app=basic", true],
  ["app==basic", true],
  ["app = basic", true],
  ["app=other", false],
  ["app!=other", true],
  ["app!=basic", false],
  ["missing!=x", true],
  ["app", true],
  ["empty", true],
  ["empty=", true],
  ["missing", false],
  ["!missing", true],
  ["!app", false],
  ["app in (basic, other)", true],
  ["app in (other)", false],
  ["missing in (x)", false],
  ["app notin (other)", true],
  ["app notin (basic,other)", false],
  ["missing notin (x)", true],
  ["app=basic,type=flink-native-kubernetes", true],
  ["app in (a,basic),type=x", false],
])("%j matches: %s", (selector, expected) => expect(matchesLabels(selector, labels)).toBe(expected));
