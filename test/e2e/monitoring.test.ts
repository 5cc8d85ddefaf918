import { monitoring } from "./monitoring.ts";

monitoring([{ flink: "2.3", mode: "native", rocksdb: true }]);
