import { reactive, standalone } from "./standalone.ts";

standalone("2.3");
reactive();
