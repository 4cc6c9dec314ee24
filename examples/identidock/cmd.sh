#!/bin/sh
# ENV=DEV: one that restarts itself when the source changes. Anything else: one that serves many at a time.
set -e
if [ "$ENV" = DEV ]; then
    echo "starting the development server"
else
    echo "starting the production server"
fi
exec python /app/identidock.py
