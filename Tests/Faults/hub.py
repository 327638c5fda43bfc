"""A model hub of one repository, acme/tiny, for tests of imports: the files of a folder, with digests and ranges.

    hub.py FOLDER HOLD ASKED

While the file HOLD exists, parts of files that do not begin at byte 0 are not answered. Every range that was asked for is a line in the file
ASKED. The first line of the output is the port.
"""

import hashlib
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
folder, hold, asked = sys.argv[1:4]
lock = threading.Lock()


def read(path: str) -> bytes:
    with open(os.path.join(folder, path), "rb") as file:
        return file.read()


def sibling(path: str) -> dict:
    content = read(path)
    entry = {"rfilename": path, "size": len(content), "blobId": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()}
    if len(content) > 1 << 20:
        entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return entry


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/api/models/acme/tiny/revision/"):
            listing = {"sha": COMMIT, "gated": False, "siblings": [sibling(name) for name in sorted(os.listdir(folder))]}
            self.answer(200, json.dumps(listing).encode(), {"Content-Type": "application/json"})
        elif path.startswith(f"/acme/tiny/resolve/{COMMIT}/"):
            self.file(path.rsplit("/", 1)[1])
        else:
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def file(self, name: str) -> None:
        content = read(name)
        first, last = (int(number) for number in self.headers["Range"].removeprefix("bytes=").split("-"))
        with lock, open(asked, "a") as log:
            log.write(f"{name} {first}\n")
        while first > 0 and os.path.exists(hold):
            time.sleep(0.02)
        part = content[first : last + 1]
        self.answer(206, part, {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(content)}"})

    def answer(self, status: int, body: bytes, headers: dict) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # whoever asked was killed

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
print(server.server_port, flush=True)
server.serve_forever()
