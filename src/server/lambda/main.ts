import { openHandler } from "./handler.ts";

// While the function is being initialised there is more of a processor than afterwards.
export const { handler } = await openHandler(process.env, process.stdout);
