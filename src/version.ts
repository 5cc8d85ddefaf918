/** Sluice's version: of the package, the chart and what `sluice --version` says. */
export const VERSION = "0.1.0";
