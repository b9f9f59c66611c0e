# Pin the base by digest where builds must repeat:
#   docker build --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:... .
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY packaging/requirements-build.txt packaging/requirements-postgres.txt packaging/
# The builder has the build tools, the target has not even pip.
RUN python -m venv /build \
    && /build/bin/pip install --require-hashes --only-binary=:all: \
        --requirement packaging/requirements-build.txt \
    && /build/bin/pip wheel --require-hashes --no-build-isolation --wheel-dir /wheels \
        --only-binary=:all: --no-binary=pyvips --requirement packaging/requirements-postgres.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python -m venv --without-pip /opt/imagewright \
    && /build/bin/pip --python /opt/imagewright install --no-index --no-deps /wheels/*.whl

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="imagewright" \
    org.opencontainers.image.licenses="MIT"
RUN groupadd --gid 10001 imagewright \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/imagewright \
        --shell /usr/sbin/nologin imagewright \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/imagewright
COPY --from=build /opt/imagewright /opt/imagewright
ENV PATH=/opt/imagewright/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/imagewright
VOLUME ["/var/lib/imagewright"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["imagewright"]
CMD ["serve"]
