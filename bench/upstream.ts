/** The demo's model provider in a process of its own. */
import { startModelServer } from "../demo/upstreams/model.js";

const [, , apiKey = ""] = process.argv;
const server = await startModelServer({ port: 0, apiKey });
process.stderr.write(`listens on ${server.url}\n`);
