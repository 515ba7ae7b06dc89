# The operator's image: Debian's own Python, the dependencies of uv.lock, no build tools.
#
#   docker build -t simjob.local/operator:dev .        (or podman, or buildah bud)

FROM debian:trixie-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3-venv
ARG UV_VERSION=0.13.9
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir "uv==${UV_VERSION}"

# Two steps, so that a change of the sources does not fetch the dependencies again. Certificates are the
# system's, as they are for pip, so that one place decides who is trusted.
WORKDIR /src
COPY pyproject.toml uv.lock ./
RUN UV_PROJECT_ENVIRONMENT=/opt/simjob UV_PYTHON=/usr/bin/python3 UV_PYTHON_DOWNLOADS=never \
    UV_SYSTEM_CERTS=1 UV_LINK_MODE=copy \
    /opt/uv/bin/uv sync --frozen --no-dev --no-install-project --no-cache \
 && /opt/simjob/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/simjob/lib

# A copy is all that installing a pure Python package does, and needs no build backend from the network.
COPY operator/simjob /tmp/simjob
RUN site="$(/opt/simjob/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && cp -r /tmp/simjob "$site/simjob" \
 && /opt/simjob/bin/python -m compileall -q --invalidation-mode unchecked-hash "$site/simjob"

FROM debian:trixie-slim
LABEL org.opencontainers.image.title="simjob operator" \
      org.opencontainers.image.description="Runs sweeps of simulation cases and cancels them truthfully"
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf /var/log/*.log /var/log/apt
COPY --from=build /opt/simjob /opt/simjob

# The bytecode is in the image already and the root file system is read-only, so Python need not try to write any.
ENV PATH=/opt/simjob/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Numeric, because runAsNonRoot cannot judge a name.
USER 65532:65532
ENTRYPOINT ["python", "-m", "simjob"]
