#!/bin/sh
# Starts the server that comes with the model: the command, where one was given; else the file that APP names; else the
# first of server.py, app.py and entrypoint.py.
set -eu

cd "$MODEL_PATH"

if [ $# -gt 0 ]; then
    exec "$@"
fi

if [ -n "${APP:-}" ]; then
    if [ ! -f "$APP" ]; then
        echo "error: APP is '$APP', and there is no such file in $MODEL_PATH" >&2
        exit 1
    fi
    exec python3 "$APP"
fi

for file in server.py app.py entrypoint.py; do
    if [ -f "$file" ]; then
        exec python3 "$file"
    fi
done

echo "error: no server: there is no server.py, app.py or entrypoint.py in $MODEL_PATH; name the file to run in APP" >&2
exit 1
