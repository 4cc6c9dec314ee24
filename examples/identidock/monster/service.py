"""The image service: GET /monster/<name>?size=<pixels> answers a PNG picture, the same one for the same name."""

import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from monster import draw
from png import encode

SIZES = range(16, 513)


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/healthz":
            return self.answer(200, "text/plain", b"ok\n")
        if not url.path.startswith("/monster/"):
            return self.answer(404, "text/plain", b"there is only /monster/<name>?size=<pixels>\n")
        size = parse_qs(url.query).get("size", ["80"])[0]
        if not (size.isascii() and size.isdigit() and int(size) in SIZES):
            return self.answer(400, "text/plain", b"size is a number of pixels from 16 to 512\n")
        name = unquote(url.path.removeprefix("/monster/"))
        self.answer(200, "image/png", encode(draw(name, int(size))))

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    print("drawing monsters on port 8080")
    ThreadingHTTPServer(("", 8080), Service).serve_forever()
