# The web server and the workers in one image; see docker-compose.yml for how they run together.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore

RUN useradd --system --uid 10001 --create-home videocraft \
    && install --directory --owner videocraft --group videocraft /data

WORKDIR /app

# The CPU build of torch, before anything asks for the several GB of the other. Triton (1 GB) is asked for by Whisper,
# which uses it on GPUs only. Everything else is a wheel or pure Python, so no compiler ever comes in.
COPY requirements.txt .
RUN pip install --no-deps --index-url https://download.pytorch.org/whl/cpu "$(grep --only-matching '^torch==[^ ]*' requirements.txt)" \
    && pip install -r requirements.txt \
    && pip uninstall --yes triton

COPY manage.py .
COPY media_services media_services
COPY jobs jobs
COPY videocraft videocraft

ENV VIDEOCRAFT_DATA_DIR=/data
USER videocraft
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["uvicorn", "videocraft.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--no-proxy-headers", "--timeout-keep-alive", "75", "--timeout-graceful-shutdown", "10"]
