# syntax=docker/dockerfile:1

# The server, built with thin link-time optimisation. A C compiler for the cryptography and the allocator is in the image.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The caches survive between builds and stay out of the image, so the binary is copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --bin boxoffice \
    && cp target/release/boxoffice /usr/local/bin/boxoffice \
    && strip --strip-debug /usr/local/bin/boxoffice

FROM debian:bookworm-slim
# tzdata: events carry IANA time zones, and their rules come from the system. ca-certificates: outbound TLS.
# curl: the health check below. Versions are the distribution's: pinned ones disappear from its mirrors with the next
# security update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/boxoffice --create-home boxoffice
COPY --from=build /usr/local/bin/boxoffice /usr/local/bin/boxoffice
COPY config /etc/boxoffice/config
# The configuration files are looked for in `config` of the working folder.
WORKDIR /etc/boxoffice
USER 10001:10001
# The data folder holds what the server makes up for itself, such as a development secret; with DATABASE_URL no database.
ENV BOXOFFICE__HTTP__LISTEN=0.0.0.0:8080 \
    BOXOFFICE__OPS__LISTEN=0.0.0.0:9090 \
    BOXOFFICE__DATABASE__DATA_DIR=/var/lib/boxoffice
VOLUME /var/lib/boxoffice
EXPOSE 8080 9090
# Alive, not ready: a restart would not bring a database back.
HEALTHCHECK --interval=10s --timeout=2s --start-period=30s --retries=3 \
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:9090/health/live"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["boxoffice"]
CMD ["serve"]
