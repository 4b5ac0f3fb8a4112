# Run inside the image, on a network of its own: docker/compose.yaml's head and worker, then a search that joins them. The words
# are compose.yaml's own, given as HEAD and WORKER; a second address of the loopback stands for the worker's host.
set -euo pipefail

healthy() { # waits until URL answers
    for _ in $(seq 90); do
        HEALTH_URLS=$1 python /opt/afcl/bin/healthy.py 2>/dev/null && return
        sleep 1
    done
    echo "never healthy: $1"
    cat ./*.log
    exit 1
}

answer() { # of the Jobs API, with this header
    python - "$@" <<'PYTHON'
import sys
import urllib.error
import urllib.request

try:
    request = urllib.request.Request("http://127.0.0.1:8265/api/jobs/", headers=dict([sys.argv[1:]] if sys.argv[1:] else []))
    print(urllib.request.urlopen(request).status)
except urllib.error.HTTPError as error:
    print(error.code)
PYTHON
}

entrypoint $HEAD >head.log 2>&1 &
healthy http://127.0.0.1:52365/api/healthz
entrypoint $WORKER --node-ip-address=127.0.0.2 --dashboard-agent-listen-port=52366 >worker.log 2>&1 &
healthy http://127.0.0.2:52366/api/healthz
echo "jobs without a token: $(answer)"
echo "jobs with a wrong token: $(answer Authorization 'Bearer wrong')"
echo "jobs with the token: $(answer Authorization "Bearer $RAY_AUTH_TOKEN")"
echo "status with a wrong token: $(RAY_AUTH_TOKEN=wrong ray status --address 127.0.0.1:6379 2>&1 | grep -o AuthenticationError | head -n 1)"
RAY_JOIN=127.0.0.1:6379 entrypoint search digits --set search.trials=3 --address auto
