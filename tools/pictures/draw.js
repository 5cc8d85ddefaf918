// Runs in the page that pictures.ts makes: draws the panels in `given` with uPlot.
const COLOURS = [
  "#3274d9",
  "#e0752d",
  "#56a64b",
  "#a352cc",
  "#e02f44",
  "#f2cc0c",
  "#14a2a2",
  "#8f3bb8",
  "#705da0",
  "#890f02",
];

function scaled(value, base, units) {
  let index = 0;
  while (Math.abs(value) >= base && index < units.length - 1) {
    value /= base;
    index++;
  }
  return `${Number(value.toPrecision(3))}${units[index]}`;
}

function shown(value, unit) {
  if (value === null || Number.isNaN(value)) return "–";
  if (unit === "bytes") return scaled(value, 1024, [" B", " KiB", " MiB", " GiB", " TiB"]);
  if (unit === "percentunit") return `${Number((value * 100).toPrecision(3))} %`;
  if (unit === "ms") return shown(value / 1000, "s");
  if (unit === "s")
    return value >= 90
      ? `${Number((value / 60).toPrecision(3))} min`
      : value < 1
        ? `${Number((value * 1000).toPrecision(3))} ms`
        : `${Number(value.toPrecision(3))} s`;
  if (unit === "currencyUSD") return `$${Number(value.toPrecision(3))}`;
  if (unit === "dateTimeAsIso") return value < 0 ? "none" : new Date(value).toISOString().slice(0, 19);
  if (unit === "ops" || unit === "reqps") return `${scaled(value, 1000, ["", " K", " M"])}/s`;
  return scaled(value, 1000, ["", " K", " M", " G"]);
}

function element(parent, name, text) {
  const made = document.createElement("div");
  made.className = name;
  made.textContent = text ?? "";
  parent.append(made);
  return made;
}

function chart(box, panel, width, height) {
  const { unit, max, custom } = panel.fieldConfig.defaults;
  const isStacked = custom?.stacking?.mode === "normal";
  const times = [];
  for (let time = given.now - given.range; time <= given.now; time += given.step) times.push(time);
  const lines = panel.series.slice(0, 12).map(({ values }) => {
    const byTime = new Map(values.map(([time, value]) => [time, Number(value)]));
    return times.map((time) => (Number.isFinite(byTime.get(time)) ? byTime.get(time) : null));
  });
  if (isStacked)
    for (let index = 1; index < lines.length; index++)
      lines[index] = lines[index].map((value, at) =>
        value === null ? lines[index - 1][at] : value + (lines[index - 1][at] ?? 0),
      );
  const series = lines.map((_, index) => ({
    stroke: COLOURS[index % COLOURS.length],
    width: 1.5,
    points: { show: false },
    ...(isStacked ? { fill: `${COLOURS[index % COLOURS.length]}40` } : {}),
  }));
  const least = Math.min(0, ...lines.flat().filter((value) => value !== null));
  const most = Math.max(max ?? 0, ...lines.flat().filter((value) => value !== null)) * (max ? 1 : 1.1) || 1;
  const drawn = new uPlot(
    {
      width,
      height,
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: [least, most] } },
      series: [{}, ...series.toReversed()],
      axes: [
        { grid: { stroke: "#eceef0" }, size: 28, font: "10px sans-serif" },
        {
          grid: { stroke: "#eceef0" },
          size: 76,
          font: "10px sans-serif",
          values: (_, ticks) => ticks.map((tick) => shown(tick, unit)),
        },
      ],
    },
    [times, ...lines.toReversed()],
  );
  box.append(drawn.root);
  const legend = element(box, "legend");
  panel.series.slice(0, 12).forEach(({ name }, index) => {
    const mark = document.createElement("i");
    mark.style.background = COLOURS[index % COLOURS.length];
    legend.append(mark, name || panel.title);
  });
  if (panel.series.length > 12) legend.append(` … ${panel.series.length - 12} more`);
}

function table(box, panel) {
  const names = [...new Set(panel.series.flatMap(({ labels }) => Object.keys(labels)))].filter(
    (name) => name !== "namespace",
  );
  const made = document.createElement("table");
  const row = (cells, kind) => {
    const line = made.insertRow();
    for (const cell of cells) {
      const one = document.createElement(kind);
      one.textContent = cell;
      line.append(one);
    }
  };
  row([...names, "Value"], "th");
  for (const { labels, value } of panel.series.slice(0, 8))
    row(
      [...names.map((name) => labels[name] ?? ""), shown(Number(value[1]), panel.fieldConfig.defaults.unit)],
      "td",
    );
  box.append(made);
}

for (const panel of given.panels) {
  const { x, y, w, h } = panel.gridPos;
  const column = given.width / 24;
  const box = element(document.body, panel.type === "row" ? "row" : "panel");
  const [width, height] = [w * column - 6, h * given.row - 6];
  Object.assign(box.style, {
    left: `${x * column + 3}px`,
    top: `${44 + y * given.row}px`,
    width: `${width}px`,
    height: `${height}px`,
  });
  if (panel.type === "row") box.textContent = panel.title;
  else element(box, "title", panel.title);
  if (panel.type === "row") continue;
  if (panel.series.length === 0) element(box, "none", "No data");
  else if (panel.type === "stat")
    element(
      box,
      "stat",
      panel.series
        .slice(0, 3)
        .map(({ value }) => shown(Number(value[1]), panel.fieldConfig.defaults.unit))
        .join("  "),
    );
  else if (panel.type === "table") table(box, panel);
  else chart(box, panel, width - 8, height - 56);
}
