"""A receiver of webhooks: takes what is posted, verifies the signature, and answers as it is told."""
import hashlib
import hmac
import http.server
import json
import threading
import time


class Hook:
    """ANSWERS are statuses for the next requests; then 204.  What was posted stands in POSTS, in its order."""

    def __init__(self, secret=None):
        self.secret, self.answers, self.posts, self.faults = secret, [], [], []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                status = hook.take(self.headers, body)
                self.send_response(status)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_address[1]}/sealpost'
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def take(self, headers, body):
        """As a receiver ought to: time and signature first, then the content."""
        stamp = headers.get('X-Sealpost-Timestamp', '')
        if self.secret:
            wanted = hmac.new(self.secret.encode(), f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()
            given = headers.get('X-Sealpost-Signature', '')
            if not hmac.compare_digest(given, f'sha256={wanted}') or abs(time.time() - int(stamp)) > 60:
                self.faults.append((dict(headers), body))
                return 401
        self.posts.append({**json.loads(body), 'delivery': headers.get('X-Sealpost-Delivery'),
                           'content_type': headers.get('Content-Type')})
        return self.answers.pop(0) if self.answers else 204

    def close(self):
        self.server.shutdown()
        self.server.server_close()
