# The trainer: API, jobs, registry, console, with ONNX Runtime's library inside.
#
#   docker build -f docker/trainer.Dockerfile -t cirame/trainer .                          compiles it for the target platform
#   docker build -f docker/trainer.Dockerfile -t cirame/trainer --build-arg FROM=dist .    takes what `make dist-trainer` has built
ARG FROM=source

# ONNX Runtime as its project publishes it, for the target platform, checked by digest.
FROM --platform=$BUILDPLATFORM debian:bookworm-slim AS onnxruntime
ARG TARGETARCH
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-pip unzip >/dev/null && rm -rf /var/lib/apt/lists/*
COPY docker/onnxruntime.txt /src/
WORKDIR /src
RUN case $TARGETARCH in amd64) machine=x86_64 ;; arm64) machine=aarch64 ;; *) echo "ONNX Runtime is there for amd64 and arm64, not for $TARGETARCH" >&2; exit 1 ;; esac \
 && pip download --quiet --no-deps --require-hashes --only-binary :all: --python-version 3.11 \
      --platform "manylinux_2_27_$machine" --platform "manylinux_2_28_$machine" -r onnxruntime.txt \
 && unzip -q -j onnxruntime-*.whl 'onnxruntime/capi/libonnxruntime.so.*' 'onnxruntime/LICENSE' 'onnxruntime/ThirdPartyNotices.txt' \
 && install -D libonnxruntime.so.* /out/usr/lib/libonnxruntime.so \
 && install -D -m 644 -t /out/usr/share/doc/onnxruntime LICENSE ThirdPartyNotices.txt

FROM --platform=$BUILDPLATFORM node:20-bookworm-slim AS console
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund --loglevel=error
COPY web ./
RUN npm run --silent build -- --logLevel warn

# The compiler runs on the platform that builds; only what it makes is of the target's.
FROM --platform=$BUILDPLATFORM rust:1.95-bookworm AS compiler
ARG TARGETARCH
WORKDIR /src
COPY rust-toolchain.toml ./
COPY tools/cross-library.sh tools/cross.sh tools/
RUN tools/cross-library.sh "$TARGETARCH"

# Dependencies have a layer of their own: manifests with empty crates, so that a changed source compiles the workspace alone.
FROM compiler AS source
COPY Cargo.toml Cargo.lock ./
COPY tools/dependencies.sh tools/dist-trainer.sh tools/
COPY model-format/Cargo.toml model-format/
COPY edge-runtime/Cargo.toml edge-runtime/
COPY edge-runtime/engine/Cargo.toml edge-runtime/engine/
COPY trainer/Cargo.toml trainer/
COPY trainer/learn/Cargo.toml trainer/learn/
RUN tools/dependencies.sh && ARCH="$TARGETARCH" tools/dist-trainer.sh
COPY model-format model-format
COPY edge-runtime edge-runtime
COPY packaging packaging
COPY trainer trainer
COPY --from=console /src/web/dist web/dist
RUN find model-format edge-runtime trainer -name '*.rs' -exec touch {} + \
 && ARCH="$TARGETARCH" tools/dist-trainer.sh \
 && install -D "dist/trainer/cirame-trainer-$TARGETARCH" /out/cirame-trainer

FROM scratch AS dist
ARG TARGETARCH
COPY --chmod=755 dist/trainer/cirame-trainer-${TARGETARCH} /out/cirame-trainer

FROM ${FROM} AS program
WORKDIR /out/data
WORKDIR /out/edge-login

FROM gcr.io/distroless/cc-debian12:latest
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="CiRA ME trainer" \
      org.opencontainers.image.description="Recordings, training, model registry and devices: API on port 5100" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=onnxruntime /out/usr /usr
COPY --from=program /out/cirame-trainer /cirame-trainer
# Volumes that are mounted here for the first time take this owner.
COPY --from=program --chown=10001:10001 /out/data /data
COPY --from=program --chown=10001:10001 /out/edge-login /edge-login
USER 10001:10001
ENV CIRAME_DATA=/data \
    CIRAME_LISTEN=0.0.0.0:5100 \
    ORT_DYLIB_PATH=/usr/lib/libonnxruntime.so
EXPOSE 5100
HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3 CMD ["/cirame-trainer", "health"]
ENTRYPOINT ["/cirame-trainer"]
CMD ["serve"]
