"""A service that has metrics: serves one on an address, port and path, until it is ended."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

address, port, path, metric = sys.argv[1:]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path == path
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        if found:
            self.wfile.write(f"{metric}\n".encode())

    def log_message(self, *args):
        pass


ThreadingHTTPServer((address, int(port)), Handler).serve_forever()
