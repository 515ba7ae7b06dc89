# The operator's image: Debian's own Python, the dependencies of uv.lock, no build tools.
#
#   docker build -t simjob.local/operator:dev .        (or podman, or buildah bud)

FROM debian:trixie-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3-venv
ARG UV_VERSION=0.13.9
ARG HATCHLING_VERSION=1.33.0
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir "uv==${UV_VERSION}" "hatchling==${HATCHLING_VERSION}"

# Two steps, so that a change of the sources does not fetch the dependencies again. Certificates are the
# system's, as they are for pip, so that one place decides who is trusted.
WORKDIR /src
ENV UV_SYSTEM_CERTS=1 UV_PYTHON=/usr/bin/python3 UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/simjob
COPY pyproject.toml uv.lock ./
RUN /opt/build/bin/uv sync --frozen --no-dev --no-install-project --no-cache --link-mode copy \
 && /opt/simjob/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/simjob/lib

COPY README.md ./
COPY operator operator
RUN /opt/build/bin/hatchling build --target wheel --directory /tmp/wheel \
 && /opt/build/bin/uv pip install --python /opt/simjob --target /opt/operator --no-deps --no-cache --offline /tmp/wheel/*.whl \
 && /opt/simjob/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/operator

FROM debian:trixie-slim
LABEL org.opencontainers.image.title="simjob operator" \
      org.opencontainers.image.description="Runs sweeps of simulation cases and cancels them truthfully"
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf /var/log/*.log /var/log/apt
# The dependencies first: their layer, nearly all of the image, is the same after each change of the sources.
COPY --from=build /opt/simjob /opt/simjob
COPY --from=build /opt/operator /opt/operator

# The bytecode is in the image already and the root file system is read-only, so Python need not try to write any.
ENV PATH=/opt/simjob/bin:$PATH PYTHONPATH=/opt/operator PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Numeric, because runAsNonRoot cannot judge a name.
USER 65532:65532
ENTRYPOINT ["python", "-m", "simjob"]
