import { parseArgs } from "node:util";
import type { Command } from "./main.js";
import { UsageError } from "./main.js";

export const demoCommand: Command = {
  summary: "demo upstreams, identities and the tour",
  help: `countersign demo: works with a running \`countersign run --demo\`

Usage: countersign demo token NAME      prints an access token; NAME: senior, reviewer, analyst, contractor, ci
       countersign demo signal NAME     prints a security event (CAEP): the sessions of NAME's user ended
       countersign demo tour            sends the product's scenarios through the gateway

Flags:
      --gateway URL   where the gateway listens (default http://127.0.0.1:8080)

Examples:
  curl localhost:8080/v1/models -H "Authorization: Bearer $(countersign demo token analyst)"
  countersign demo tour
`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      options: { gateway: { type: "string" } },
      allowPositionals: true,
    });
    // loaded here only: the image carries no demo
    const { openDemoIssuer } = await import("../demo/issuer.js");
    const { isIdentityName, identityNames } = await import("../demo/identities.js");
    const { demoDirectory } = await import("../demo/world.js");
    const [what, name = ""] = positionals;
    if (what === "token" || what === "signal") {
      if (!isIdentityName(name))
        throw new UsageError(`demo ${what}: give one of ${identityNames.join(", ")}`);
      const issuer = await openDemoIssuer(demoDirectory(), { now: Date.now });
      io.out(`${await (what === "token" ? issuer.token(name) : issuer.revocation(name))}\n`);
      return 0;
    }
    if (what !== "tour") throw new UsageError("give token NAME, signal NAME or tour");
    const { scenarios } = await import("../demo/scenarios.js");
    const { drawTour, takeTour } = await import("../demo/tour.js");
    const issuer = await openDemoIssuer(demoDirectory(), { now: Date.now });
    const gatewayUrl = values.gateway ?? "http://127.0.0.1:8080";
    const steps = await takeTour(scenarios, { gatewayUrl, issuer, fetch }).catch((error: unknown) => {
      const cause = (error as { cause?: { code?: string } }).cause?.code ?? "";
      throw new Error(`the gateway at ${gatewayUrl} doesn't answer ${cause}; start the demo with: make run`);
    });
    io.out(drawTour(steps));
    const wrong = steps.filter((step) => step.unexpected !== undefined);
    io.out(
      wrong.length === 0
        ? `\n${steps.length} scenarios, all as expected\n`
        : `\n${wrong.length} of ${steps.length} scenarios were unexpected\n`,
    );
    return wrong.length === 0 ? 0 : 1;
  },
};
