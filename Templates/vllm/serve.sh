#!/bin/sh
# Starts vLLM's OpenAI server with the settings of the environment; template.yml beside this file lists them.
set -eu

if [ ! -e "$MODEL_PATH" ]; then
    echo "error: no model: there is no $MODEL_PATH (MODEL_PATH names it)" >&2
    exit 1
fi

# PyTorch asks for the user's name, and this user need not have an entry in the image's /etc/passwd.
export USER="${USER:-nobody}"

set -- "$MODEL_PATH" --host 0.0.0.0 --port "${PORT:-8000}" --served-model-name "${SERVED_MODEL_NAME:-model}" \
    --gpu-memory-utilization "${GPU_MEMORY_UTIL:-0.9}" \
    --tensor-parallel-size "${TENSOR_PARALLEL:-1}" \
    --dtype "${DTYPE:-auto}" \
    --shutdown-timeout "${STOP_GRACE:-25}" "$@"

if [ -n "${MAX_MODEL_LEN:-}" ]; then
    set -- "$@" --max-model-len "$MAX_MODEL_LEN"
fi

case "${TRUST_REMOTE_CODE:-false}" in
    1 | true | yes) set -- "$@" --trust-remote-code ;;
    0 | false | no) ;;
    *)
        echo "error: TRUST_REMOTE_CODE must be true or false, not '$TRUST_REMOTE_CODE'" >&2
        exit 1
        ;;
esac

# Further options, parted by spaces, with no expansion of wildcards.
set -f
# shellcheck disable=SC2086
set -- "$@" ${EXTRA_ARGS:-}

exec vllm serve "$@"
