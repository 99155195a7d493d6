# syntax=docker/dockerfile:1
# The sidecar and gateway. No demo identities, no compiler toolchains, no shell scripts are needed at run time.
FROM golang:1.26-bookworm AS toolchain
WORKDIR /src
COPY sidecar/rego/toolchain sidecar/rego/toolchain
RUN sidecar/rego/toolchain/build.sh
# for who writes policies: check and test take a sixth of the time
RUN sidecar/rego/toolchain/build.sh native

FROM node:lts-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json tsconfig.json ./
RUN npm ci --no-fund --no-audit
COPY types types
COPY cli cli
COPY sidecar sidecar
COPY gateway gateway
COPY demo demo
RUN npx tsc -p tsconfig.json --incremental false --sourceMap false --declaration false
COPY --from=toolchain /src/dist/sidecar/rego/toolchain dist/sidecar/rego/toolchain
# OPA's built-ins get their fuel here, so that no start pays for it
RUN cd dist/sidecar/rego/toolchain && \
  node ../../decide/builtins/go/go-meter.js builtins.wasm metered.wasm && mv metered.wasm builtins.wasm
RUN rm -rf dist/demo node_modules && npm ci --omit=dev --omit=optional --no-fund --no-audit

FROM node:lts-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist dist
COPY bin bin
COPY policies policies
COPY operator operator
COPY LICENSE ./
USER node
EXPOSE 8080 8181 8282
HEALTHCHECK --interval=10s --timeout=2s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8282/health?bundles').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "bin/countersign.js"]
CMD ["sidecar", "-b", "/app/policies", "-a", "0.0.0.0:8181", "--diagnostic-addr", "0.0.0.0:8282"]
