/** Starts LiteLLM with two keys, one limited by requests and one by tokens: its limiter as it is, in memory of one worker. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../test/free-port.js";
import type { Stage } from "../gateway/systems.js";
import { serverCore } from "../process.js";

const place = fileURLToPath(new URL("../../../.cache/peers-python", import.meta.url));

export const keys = { requests: "sk-requests", tokens: "sk-tokens" } as const;

/** @returns the port that it listens on */
export async function startLimitedLitellm(
  stage: Stage,
  { requests, tokens }: { readonly requests: number; readonly tokens: number },
): Promise<number> {
  const port = await freePort();
  const config = join(stage.directory, "litellm-limits.json");
  await writeFile(
    join(stage.directory, "bench_auth.py"),
    `from litellm.proxy._types import UserAPIKeyAuth

async def user_api_key_auth(request, api_key):
    if api_key == "${keys.requests}":
        return UserAPIKeyAuth(api_key=api_key, rpm_limit=${requests})
    return UserAPIKeyAuth(api_key=api_key, tpm_limit=${tokens})
`,
  );
  await writeFile(
    config,
    JSON.stringify({
      model_list: [
        {
          model_name: "gpt-4o",
          litellm_params: {
            model: "openai/gpt-4o",
            api_base: `${stage.provider.url}/v1`,
            api_key: stage.provider.apiKey,
          },
        },
      ],
      litellm_settings: { set_verbose: false, request_timeout: 600, telemetry: false },
      general_settings: {
        ...{ disable_spend_logs: true, disable_error_logs: true },
        custom_auth: "bench_auth.user_api_key_auth",
      },
      router_settings: { num_retries: 0, disable_cooldowns: true },
    }),
  );
  await stage.run(
    serverCore,
    "python3",
    [
      ...[join(place, "bin", "litellm"), "--config", config, "--host", "127.0.0.1"],
      ...["--port", String(port), "--num_workers", "1", "--telemetry", "False"],
    ],
    {
      ready: /Uvicorn running on/,
      env: {
        PYTHONPATH: place,
        LITELLM_LOG: "ERROR",
        LITELLM_MODE: "PRODUCTION",
        LITELLM_LOCAL_MODEL_COST_MAP: "True",
        PYTHONDONTWRITEBYTECODE: "1",
      },
    },
  );
  return port;
}
