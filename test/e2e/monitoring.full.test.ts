import { renderPictures } from "../../tools/pictures.ts";
import { monitoring } from "./monitoring.ts";

/** Where pictures of the dashboards are to go; none are made without it. */
const folder = process.env["SLUICE_PICTURES"];

monitoring(
  [
    { flink: "1.20", mode: "native" },
    { flink: "2.3", mode: "native" },
    { flink: "2.3", mode: "standalone" },
  ],
  async (url) => {
    if (folder !== undefined) await renderPictures(url, folder);
  },
);
