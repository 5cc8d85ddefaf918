import { reactive } from "./standalone.ts";

reactive();
