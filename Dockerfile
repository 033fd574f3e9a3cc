# The image of box-app-operator. What is in it, how to verify it and how to get the same bytes: docs/image.md
#
# PYTHON_DIGEST pins the base image: "sha256:..." of the image index, the same for every platform. A release looks it up
# once, passes it, and leaves it in the label org.opencontainers.image.base.digest. Without it the build takes whatever
# the tag means today, which is right for trying things and for nothing else.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim-trixie
ARG PYTHON_DIGEST

FROM ${PYTHON_IMAGE}${PYTHON_DIGEST:+@${PYTHON_DIGEST}} AS base
# Bytecode is made below, in a form that does not depend on the time. Nothing else may write any.
ENV PYTHONDONTWRITEBYTECODE=1


FROM base AS builder
# The date of the files in the wheel. The earliest that a wheel can hold, unless the build says another.
ARG SOURCE_DATE_EPOCH=315532800
# The versions of constraints.txt hold for what is installed and, where it names them, for what the wheel is built with.
ENV PIP_CONSTRAINT=/build/constraints.txt \
    PIP_BUILD_CONSTRAINT=/build/constraints.txt \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_INPUT=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONHASHSEED=0
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY operator operator

# The project's own distribution also has the sandbox, for demo and tests. Its sources are not in the build context
# (.dockerignore), and without this line its command would be left in the metadata, leading nowhere.
RUN grep -v '^box-sandbox = ' pyproject.toml > operator.toml && mv operator.toml pyproject.toml
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --no-deps --wheel-dir dist .

# Wheels only, so that no compiler is needed here either. pip works from outside: the environment has none.
RUN python -m venv --without-pip /opt/box-app-operator
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/box-app-operator/bin/python install --no-compile --only-binary :all: dist/*.whl
# All but the typed clients of Kubernetes: a thousand generated modules, of which the operator loads none.
RUN python -m compileall -q --invalidation-mode unchecked-hash \
    -x 'kubernetes/(client/api|aio/client/(api|models))/[a-z]' /opt/box-app-operator/lib


FROM base
# A running operator installs nothing. And the base image has no bytecode of the standard library: with a read-only root
# file system every start would compile it again, and take 1.1 s of CPU instead of 0.6 s.
RUN pip uninstall --yes --quiet --root-user-action ignore pip setuptools wheel \
    && rm -rf /usr/local/bin/pip* /usr/local/lib/python3.*/ensurepip \
    && PYTHONHASHSEED=0 python -m compileall -q --invalidation-mode unchecked-hash /usr/local/lib/python3.*
COPY --from=builder /opt/box-app-operator /opt/box-app-operator

# HOME, because the user below has no entry in /etc/passwd, and the client of Kubernetes looks for ~/.kube/config.
ENV PATH=/opt/box-app-operator/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/
WORKDIR /

ARG PYTHON_IMAGE
ARG PYTHON_DIGEST
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="box-app-operator" \
      org.opencontainers.image.description="Kubernetes operator for Box Custom Apps that authenticate with App Tokens" \
      org.opencontainers.image.source="https://github.com/box-app-operator/box-app-operator" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}" \
      org.opencontainers.image.base.digest="${PYTHON_DIGEST}"

# Numeric, so that Kubernetes can tell that it is not root. Every file is root's: the operator cannot change itself.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["box-app-operator"]
CMD ["run"]
