import { standalone } from "./standalone.ts";

standalone("1.20");
