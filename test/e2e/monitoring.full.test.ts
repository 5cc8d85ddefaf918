import { setTimeout as pause } from "node:timers/promises";
import { renderPictures } from "../../tools/pictures.ts";
import { monitoring } from "./monitoring.ts";

/** Milliseconds that the jobs go on before they are pictured. */
const PICTURED = 120_000;

/** Where pictures of the dashboards are to go; none are made without it. */
const folder = process.env["SLUICE_PICTURES"];

monitoring(
  [
    { flink: "1.20", mode: "native" },
    { flink: "2.3", mode: "native", rocksdb: true },
    { flink: "2.3", mode: "standalone" },
  ],
  async (url) => {
    if (folder === undefined) return;
    // People want to see more than the first minute.
    await pause(PICTURED);
    await renderPictures(url, folder);
  },
);
