# The edge runtime: one static program and nothing else.
#
#   docker build -f docker/edge.Dockerfile -t cirame/edge .                              compiles it for the target platform
#   docker build -f docker/edge.Dockerfile -t cirame/edge --build-arg FROM=dist .        takes what `make dist` has built
#   … --build-arg PROGRAM=cirame-edge-lite                                               without tract: our own models alone
ARG FROM=source

# The compiler runs on the platform that builds; only what it makes is of the target's.
FROM --platform=$BUILDPLATFORM rust:1.95-bookworm AS compiler
ARG TARGETARCH
ARG TARGETVARIANT
WORKDIR /src
COPY rust-toolchain.toml ./
COPY tools/cross-library.sh tools/cross.sh tools/
RUN tools/cross-library.sh "${TARGETARCH}${TARGETVARIANT}"

# Dependencies have a layer of their own: manifests with empty crates, so that a changed source compiles the workspace alone.
FROM compiler AS source
COPY Cargo.toml Cargo.lock ./
COPY tools/dependencies.sh tools/dist.sh tools/no-unwind-tables.ld tools/
COPY model-format/Cargo.toml model-format/
COPY edge-runtime/Cargo.toml edge-runtime/
COPY edge-runtime/engine/Cargo.toml edge-runtime/engine/
COPY trainer/Cargo.toml trainer/
COPY trainer/learn/Cargo.toml trainer/learn/
ARG PROGRAM=cirame-edge
RUN tools/dependencies.sh
RUN ONLY=$PROGRAM ARCH="${TARGETARCH}${TARGETVARIANT}" tools/dist.sh
COPY model-format model-format
COPY edge-runtime edge-runtime
COPY packaging packaging
RUN find model-format edge-runtime -name '*.rs' -exec touch {} + \
 && ONLY=$PROGRAM ARCH="${TARGETARCH}${TARGETVARIANT}" tools/dist.sh \
 && install -D "dist/edge/$PROGRAM-${TARGETARCH}${TARGETVARIANT}" /out/cirame-edge
WORKDIR /out/state

FROM scratch AS dist
ARG PROGRAM=cirame-edge
ARG TARGETARCH
ARG TARGETVARIANT
COPY --chmod=755 dist/edge/${PROGRAM}-${TARGETARCH}${TARGETVARIANT} /out/cirame-edge
WORKDIR /out/state

FROM ${FROM} AS program

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="CiRA ME edge" \
      org.opencontainers.image.description="Answers sensor data with a trained model: MQTT and HTTP, one static program" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=program /out/cirame-edge /cirame-edge
# A volume that is mounted here for the first time takes this owner.
COPY --from=program --chown=10001:10001 /out/state /state
USER 10001:10001
ENV CIRAME_STATE=/state
HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3 CMD ["/cirame-edge", "health"]
ENTRYPOINT ["/cirame-edge"]
CMD ["serve"]
