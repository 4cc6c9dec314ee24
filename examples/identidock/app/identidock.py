"""Identidock: every name has its monster.

The page asks for a name and shows the picture that belongs to it. Pictures come from the image service `dnmonster`
and are kept in redis, as are the names of the latest visitors and the counts of the pictures found and not found there.
"""

import hashlib
import os
import signal
import sys

import flask
import redis
import requests

GREETING = "Who are you?"

# Hashed with the name, so that the address of a picture doesn't tell whose it is.
SALT = "a pinch of it"
DEFAULT_NAME = "Joe Bloggs"
NAMES_KEPT = 10

app = flask.Flask(__name__)
cache = redis.Redis(host="redis", port=6379)

PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Identidock</title>
  <style>body { font: 1.1em sans-serif; margin: 3em auto; max-width: 30em }</style>
</head>
<body>
  <h1>{{ greeting }}</h1>
  <form method="post">
    <input name="name" value="{{ name }}" aria-label="name" autofocus>
    <button>Show me</button>
  </form>
  <p>{{ name }} looks like this:</p>
  <p><img src="/monster/{{ picture }}" alt="the monster of {{ name }}" width="160" height="160"></p>
  {% if names %}<p>Seen lately: {{ names | join(", ") }}</p>{% endif %}
</body>
</html>
"""


@app.route("/", methods=["GET", "POST"])
def page():
    name = DEFAULT_NAME
    if flask.request.method == "POST":
        name = flask.request.form.get("name", "").strip() or DEFAULT_NAME
        remember(name)
    return flask.render_template_string(
        PAGE, greeting=GREETING, name=name, picture=picture_of(name), names=remembered()
    )


@app.route("/monster/<name>")
def monster(name):
    key = f"monster:{name}"
    image = cache.get(key)
    if image:
        cache.incr("cache:hits")
    else:
        cache.incr("cache:misses")
        answer = requests.get(f"http://dnmonster:8080/monster/{name}", params={"size": 80}, timeout=5)
        answer.raise_for_status()
        image = answer.content
        cache.set(key, image)
    return flask.Response(image, mimetype="image/png")


@app.route("/stats")
def stats():
    """For tests and the curious."""
    return {
        "hits": int(cache.get("cache:hits") or 0),
        "misses": int(cache.get("cache:misses") or 0),
        "names": remembered(),
    }


@app.route("/healthz")
def healthz():
    return "ok\n"


def picture_of(name):
    return hashlib.sha256((SALT + name).encode()).hexdigest()


def remember(name):
    """Puts the name first, once, and forgets the oldest."""
    with cache.pipeline() as steps:
        steps.lrem("names", 0, name).lpush("names", name).ltrim("names", 0, NAMES_KEPT - 1)
        steps.execute()


def remembered():
    return [name.decode() for name in cache.lrange("names", 0, -1)]


def serve():
    if os.environ.get("ENV") == "DEV":
        app.run(host="0.0.0.0", debug=True)
        return
    try:
        import waitress
    except ImportError:
        app.run(host="0.0.0.0", threaded=True)
    else:
        waitress.serve(app, host="0.0.0.0", port=5000)


if __name__ == "__main__":
    # The first process of a container isn't ended by SIGTERM unless it says so; `stop` would wait 10 s for it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    serve()
