// `node tools/pictures.ts URL FOLDER`: pictures of the dashboards with what the Prometheus at URL has, one PNG each. Grafana
// cannot be had from package registries, so a page draws the panels of Grafana's own JSON, and Chromium takes its picture.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { run } from "../testbed/lib/exec.ts";

const DASHBOARDS = join(import.meta.dirname, "../deploy/dashboards");
const WIDTH = 1400;
const ROW = 27;
/** Seconds that a picture shows, and between two points. */
const RANGE = 420;
const STEP = 5;
/** Milliseconds for Prometheus, and for Chromium. */
const CALL_MS = 10_000;
const PICTURE_MS = 60_000;

interface PanelJson {
  readonly type: "row" | "timeseries" | "stat" | "table";
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit: string; readonly max?: number } };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface DashboardJson {
  readonly title: string;
  readonly templating: { readonly list: readonly { name: string; type: string; query: unknown }[] };
  readonly panels: readonly PanelJson[];
}

interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly values?: readonly (readonly [number, string])[];
  readonly value?: readonly [number, string];
}

function asSent(expr: string, { templating }: DashboardJson): string {
  let text = expr.replaceAll("$__rate_interval", "30s").replaceAll("$__range", `${RANGE}s`);
  for (const { name, type, query } of templating.list)
    text = text.replaceAll(`$${name}`, type === "textbox" ? String(query) : ".*");
  return text;
}

async function ask(url: string, path: string, query: Record<string, string>): Promise<readonly Result[]> {
  const asked = `${url}/api/v1/${path}?${new URLSearchParams(query).toString()}`;
  const answer = await fetch(asked, { signal: AbortSignal.timeout(CALL_MS) });
  const { status, error, data } = (await answer.json()) as {
    status: string;
    error?: string;
    data: { result: Result[] };
  };
  if (status !== "success") throw new Error(`${query["query"]}: ${error}`);
  return data.result;
}

function named(format: string, metric: Readonly<Record<string, string>>): string {
  return format.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? "").trim();
}

async function dataOf(panel: PanelJson, dashboard: DashboardJson, url: string, now: number): Promise<object> {
  const found: object[] = [];
  for (const { expr, legendFormat } of panel.targets ?? []) {
    const query = asSent(expr, dashboard);
    const range = { query, start: String(now - RANGE), end: String(now), step: String(STEP) };
    const series =
      panel.type === "timeseries"
        ? await ask(url, "query_range", range)
        : await ask(url, "query", { query, time: String(now) });
    for (const { metric, values, value } of series) {
      const { __name__: _, job: _job, instance: _instance, pod: _pod, ...labels } = metric;
      found.push({ name: named(legendFormat, metric), labels, values, value });
    }
  }
  return { ...panel, series: found };
}

function page(dashboard: DashboardJson, panels: readonly object[], height: number, now: number): string {
  const require = createRequire(import.meta.url);
  const script = readFileSync(require.resolve("uplot/dist/uPlot.iife.min.js"), "utf8");
  const style = readFileSync(require.resolve("uplot/dist/uPlot.min.css"), "utf8");
  const draw = readFileSync(join(import.meta.dirname, "pictures/draw.js"), "utf8");
  const given = { panels, width: WIDTH, row: ROW, range: RANGE, step: STEP, now };
  const text = JSON.stringify(given).replaceAll("<", String.raw`\u003c`);
  return `<!doctype html><meta charset="utf-8"><style>${style}
body{margin:0;background:#f4f5f5;font:12px sans-serif;color:#24292e;width:${WIDTH}px;height:${height}px;position:relative}
h1{font-size:18px;margin:0;padding:10px 12px}.panel{position:absolute;background:#fff;border:1px solid #dfe1e4;border-radius:3px;box-sizing:border-box;overflow:hidden}
.row{position:absolute;font-weight:bold;padding:5px 12px}.title{padding:5px 8px;font-weight:600}.none{color:#8a8f98;text-align:center;padding-top:24px}
.legend{padding:0 8px;font-size:10px;line-height:13px;height:26px;overflow:hidden}.legend i{display:inline-block;width:10px;height:3px;margin:0 4px 3px 8px}
.stat{font-size:26px;text-align:center;color:#2f7d32;padding-top:6px;white-space:nowrap}table{font-size:11px;padding:0 8px}td,th{padding:2px 10px;text-align:left}
</style><h1>${dashboard.title}</h1><script>${script}</script><script>const given=${text};${draw}</script>`;
}

export async function renderPictures(url: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), "sluice-pictures-"));
  const now = Math.floor(Date.now() / 1000);
  try {
    for (const file of readdirSync(DASHBOARDS)) {
      const dashboard = JSON.parse(readFileSync(join(DASHBOARDS, file), "utf8")) as DashboardJson;
      const panels: object[] = [];
      for (const panel of dashboard.panels) panels.push(await dataOf(panel, dashboard, url, now));
      const rows = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
      const height = 44 + rows * ROW;
      const html = join(scratch, `${file}.html`);
      writeFileSync(html, page(dashboard, panels, height, now));
      const picture = join(folder, `${basename(file, ".json")}.png`);
      const flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        `--user-data-dir=${scratch}/profile`,
      ];
      const size = [`--window-size=${WIDTH},${height}`, `--screenshot=${picture}`];
      await run("chromium", [...flags, ...size, `file://${html}`], { deadline: PICTURE_MS });
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const [url, folder] = process.argv.slice(2);
  if (url === undefined || folder === undefined) throw new Error("node tools/pictures.ts URL FOLDER");
  await renderPictures(url, folder);
}
