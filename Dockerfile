# Concord as an image: Node runs the TypeScript as it is, so there is nothing to build.
#   docker build -t concord .
#   docker run --read-only --tmpfs /tmp -v concord:/data -p 127.0.0.1:8080:8080 \
#     -e PUBLIC_URL=http://localhost:8080 -e AUTH_TOKENS=… concord
FROM node:24-bookworm-slim AS packages
WORKDIR /concord
COPY package.json package-lock.json ./
# The image brings its own Node, so the one that comes as a package (node-linux-*) is left behind.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && rm -rf node_modules/node-linux-* node_modules/.bin/node

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
RUN mkdir /data && chown node:node /data
WORKDIR /concord
COPY --from=packages /concord/node_modules ./node_modules
COPY package.json LICENSE README.md ./
COPY db ./db
COPY scripts/*.cjs scripts/*.ts ./scripts/
COPY scripts/import ./scripts/import
COPY src ./src
USER node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["node", "scripts/health.cjs"]
STOPSIGNAL SIGTERM
CMD ["node", "scripts/run.cjs", "src/main.ts"]
