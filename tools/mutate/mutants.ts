/** One small change of a source at a time, such as a slip of the pen: what a test suite has to notice. */
import { parseAst } from "rolldown/parseAst";

export interface Mutant {
  /** 1-based. */
  readonly line: number;
  readonly before: string;
  readonly after: string;
  /** The whole source with the change made. */
  readonly source: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  "===": ["!=="],
  "!==": ["==="],
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "&&": ["||"],
  "||": ["&&"],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
};

const METHODS: Readonly<Record<string, string>> = {
  some: "every",
  every: "some",
  min: "max",
  max: "min",
  startsWith: "endsWith",
  endsWith: "startsWith",
};

/** A state, a reason, a name: not a sentence, in which tests need not know every word. */
const WORD = /^[A-Za-z][\w.-]*$/;

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}

function replace(node: Node, text: string): Edit {
  return { start: node.start, end: node.end, text };
}

function ofOperator(node: Node, source: string): Edit[] {
  const [left, right, operator] = [node["left"] as Node, node["right"] as Node, String(node["operator"])];
  if (operator === "??") return [replace(node, source.slice(left.start, left.end))];
  const start = source.indexOf(operator, left.end);
  if (start < 0 || start >= right.start) return [];
  return (OPERATORS[operator] ?? []).map((text) => ({ start, end: start + operator.length, text }));
}

function ofLiteral(node: Node): Edit[] {
  const { value } = node;
  if (typeof value === "boolean") return [replace(node, String(!value))];
  if (typeof value === "number") return [replace(node, String(value + 1))];
  return typeof value === "string" && WORD.test(value) ? [replace(node, '"mutated"')] : [];
}

function isPlainValue({ type }: Node): boolean {
  return ["Literal", "Identifier", "TemplateLiteral", "ArrowFunctionExpression"].includes(type);
}

function edits(node: Node, source: string): Edit[] {
  switch (node.type) {
    case "BinaryExpression":
    case "LogicalExpression":
      return ofOperator(node, source);
    case "Literal":
      return ofLiteral(node);
    case "UnaryExpression": {
      const argument = node["argument"] as Node;
      return node["operator"] === "!" ? [replace(node, source.slice(argument.start, argument.end))] : [];
    }
    case "IfStatement":
    case "ConditionalExpression": {
      const test = node["test"] as Node;
      return [replace(test, "true"), replace(test, "false")];
    }
    case "ExpressionStatement":
      return node["directive"] === undefined || node["directive"] === null ? [replace(node, ";")] : [];
    case "ReturnStatement": {
      const argument = node["argument"];
      return isNode(argument) && !isPlainValue(argument) ? [replace(argument, "undefined")] : [];
    }
    case "CallExpression": {
      const property = (node["callee"] as Node)["property"];
      const other = isNode(property) ? METHODS[String(property["name"])] : undefined;
      return isNode(property) && other !== undefined ? [replace(property, other)] : [];
    }
    default:
      return [];
  }
}

/** Types are not run. */
function isType({ type }: Node): boolean {
  return /^TS(?!AsExpression|NonNull|Satisfies)/.test(type) || type === "ImportDeclaration";
}

function walk(node: Node, source: string, found: Edit[]): void {
  if (isType(node)) return;
  found.push(...edits(node, source));
  for (const [field, child] of Object.entries(node)) {
    // The name of a property is not a text of its own.
    if (field === "key" && node["computed"] !== true) continue;
    for (const one of Array.isArray(child) ? child : [child]) if (isNode(one)) walk(one, source, found);
  }
}

/** All mutants of a TypeScript source, in the order of the text. */
export function mutantsOf(source: string): readonly Mutant[] {
  const found: Edit[] = [];
  walk(parseAst(source, { lang: "ts" }) as unknown as Node, source, found);
  return found
    .sort((a, b) => a.start - b.start)
    .map(({ start, end, text }) => ({
      line: source.slice(0, start).split("\n").length,
      before: source.slice(start, end),
      after: text,
      source: source.slice(0, start) + text + source.slice(end),
    }));
}

/** A number from 0 up to, not including, 1 with each call, the same ones for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` of them, or all if there are no more, each with the same chance; in their order. */
export function sampleOf<T>(all: readonly T[], count: number, seed: number): readonly T[] {
  const random = randomOf(seed);
  const drawn = all.map((one, index) => ({ one, index, lot: random() }));
  const chosen = drawn.sort((a, b) => a.lot - b.lot).slice(0, count);
  return chosen.sort((a, b) => a.index - b.index).map(({ one }) => one);
}
