# Made for amd64 and arm64: nothing below names an architecture, and the locks hold both.
# Pin the base by digest where builds must repeat:
#   docker build --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:... .
# Any image will do that has python3 3.11 or later with venv, and certificates of authorities.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY packaging/requirements-build.txt packaging/requirements-extras.txt packaging/
# The builder has the build tools, the target has not even pip.
RUN python3 -m venv /build \
    && /build/bin/pip install --require-hashes --only-binary=:all: \
        --requirement packaging/requirements-build.txt \
    && /build/bin/pip wheel --require-hashes --no-build-isolation --wheel-dir /wheels \
        --only-binary=:all: --no-binary=pyvips --requirement packaging/requirements-extras.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python3 -m venv --without-pip /opt/imagewright \
    && /build/bin/pip --python /opt/imagewright install --no-index --no-deps /wheels/*.whl \
    && install -d -o 10001 -g 10001 -m 0700 /state

FROM ${PYTHON_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="imagewright" \
    org.opencontainers.image.description="One hardened MCP endpoint for a team's images" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/imagewright /opt/imagewright
COPY --from=build --chown=10001:10001 /state /var/lib/imagewright
# Inside a container every address is its own; without auth.tokens_path it does not start on it.
ENV PATH=/opt/imagewright/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    IMAGEWRIGHT_STATE=/var/lib/imagewright IMAGEWRIGHT_SERVER__HOST=0.0.0.0
# A number, so that no account is needed: `--user` may be any that owns the volume.
USER 10001:10001
WORKDIR /
VOLUME ["/var/lib/imagewright"]
EXPOSE 8787
STOPSIGNAL SIGTERM
# Whether it lives; what it cannot reach is told by `imagewright health --ready`.
HEALTHCHECK --interval=30s --timeout=30s --start-period=20s CMD ["imagewright", "health"]
ENTRYPOINT ["imagewright"]
CMD ["serve"]
