# The console: nginx, the built pages, and the way to the trainer's API.
#
#   docker build -f docker/web.Dockerfile -t cirame/web .                          builds the pages
#   docker build -f docker/web.Dockerfile -t cirame/web --build-arg FROM=dist .    takes what `make console` has built in web/dist
ARG FROM=source

FROM --platform=$BUILDPLATFORM node:20-bookworm-slim AS source
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund --loglevel=error
COPY web ./
RUN npm run --silent build -- --logLevel warn && mkdir /out && cp -r dist /out/html

FROM scratch AS dist
COPY web/dist /out/html

FROM ${FROM} AS pages

# Compressed once, as small as gzip can, and not for every request.
FROM --platform=$BUILDPLATFORM nginx:1.28-alpine AS compressed
COPY --from=pages /out/html /html
RUN find /html -type f \( -name '*.js' -o -name '*.css' -o -name '*.html' -o -name '*.svg' -o -name '*.json' \) -size +1k \
      -exec sh -c 'gzip -9 -c "$1" >"$1.gz" && touch -r "$1" "$1.gz"' sh {} \;

FROM nginx:1.28-alpine
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="CiRA ME web" \
      org.opencontainers.image.description="The console on port 8080, and the trainer's API below /api/" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY docker/web/nginx /etc/cirame
COPY --from=compressed /html /usr/share/cirame
USER 10001:10001
EXPOSE 8080 8443
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s --retries=3 CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/healthz"]
# Not the base's script, which writes into the image: what there is to configure stands in /etc/cirame.
ENTRYPOINT ["nginx", "-e", "/dev/stderr", "-g", "daemon off;", "-c"]
CMD ["/etc/cirame/http.conf"]
