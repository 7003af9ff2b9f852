# docker build -t digitrec . && docker run --rm -p 8000:8000 digitrec            (docs/deployment.md has more)

FROM python:3.12-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml requirements.txt README.md LICENSE ./
COPY src ./src
COPY static ./static
COPY templates ./templates
COPY models ./models
RUN ["python", "-m", "pip", "install", "--no-cache-dir", "--no-compile", "--disable-pip-version-check", "--prefix=/install", "--requirement", "requirements.txt"]

FROM python:3.12-slim-bookworm
COPY --from=build /install /usr/local
WORKDIR /app
COPY gunicorn.conf.py ./
ENV DIGITREC_LOG_FORMAT=json MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=1000000 MALLOC_TRIM_THRESHOLD_=4000000 PORT=8000 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A number and not a name, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=4)"]
# As in the Procfile. The exec form makes gunicorn the process that `docker stop` tells to stop.
CMD ["gunicorn", "digitrec.web.server.run:create_wsgi_app()"]
