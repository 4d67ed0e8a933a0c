"""A server in front of the S3 server that misbehaves as told: throttles, refuses, hangs up."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

FAULTS = {
    "SlowDown": (503, "Please reduce your request rate."),
    "InvalidAccessKeyId": (403, "The AWS Access Key Id you provided does not exist."),
    "SignatureDoesNotMatch": (403, "The request signature does not match the one provided."),
}
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}


class Proxy:
    """Passes requests on, except those that meet a fault.

    `fault` is a key of FAULTS, "drop" (hang up) or "hang" (never answer); the first `after`
    requests of the method pass, the next `times` meet it.
    """

    def __init__(self, endpoint):
        self.target = urlsplit(endpoint)
        self.misbehave(None, times=0)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def misbehave(self, fault, *, times=10**9, after=0, method=""):
        self.fault, self.times, self.after, self.method = fault, times, after, method
        self.met, self.reached, self.closed = 0, threading.Event(), threading.Event()

    def close(self):
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()

    def _next_fault(self, method):
        with self._lock:
            if method != (self.method or method):
                return None
            if self.after:
                self.after -= 1
                return None
            if self.met >= self.times:
                return None
            self.met += 1
            self.reached.set()
            return self.fault

    def _handler(proxy):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fault = proxy._next_fault(self.command)
                if fault == "hang":
                    proxy.closed.wait()
                if fault in {"drop", "hang"}:
                    self.close_connection = True
                elif fault:
                    status, message = FAULTS[fault]
                    told = f"<Error><Code>{fault}</Code><Message>{message}</Message></Error>"
                    self.reply(status, {"Content-Type": "application/xml"}, told.encode())
                else:
                    self.pass_on(body)

            def pass_on(self, body):
                server = http.client.HTTPConnection(proxy.target.hostname, proxy.target.port)
                server.request(self.command, self.path, body, dict(self.headers))
                got = server.getresponse()
                content = got.read()
                self.reply(got.status, dict(got.getheaders()), content)
                server.close()

            def reply(self, status, headers, content):
                self.send_response_only(status)
                length = headers.get("Content-Length", len(content))
                for name, value in headers.items():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer

        return Handler
