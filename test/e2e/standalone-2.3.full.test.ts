import { standalone } from "./standalone.ts";

standalone("2.3");
