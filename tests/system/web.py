"""The admin center as a browser meets it: HTTPS, a cookie, a token against forged requests."""
import base64
import hashlib
import hmac
import http.client
import json
import re
import ssl
import struct
import time


def totp(secret, step=None):
    """The code of a step (now) for a key in base32 (RFC 6238)."""
    step = int(time.time()) // 30 if step is None else step
    digest = hmac.new(base64.b32decode(secret), struct.pack('>Q', step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f'{(struct.unpack(">I", digest[offset:offset + 4])[0] & 0x7fffffff) % 1000000:06d}'


class Browser:
    """One client of https://127.0.0.1:PORT, with its cookies."""

    def __init__(self, port, authority, host='mx.ours.example'):
        self.port, self.host = port, host
        self.context = ssl.create_default_context(cafile=authority.certificate)
        self.context.check_hostname = False
        self.cookie = self.csrf = self.token = None
        self.headers = {}

    def ask(self, method, path, body=None, headers=None, plain=False):
        """status, JSON; what the answer's headers said is in self.headers.  PLAIN: without the CSRF token."""
        sent = {'Host': f'{self.host}:{self.port}'}
        if self.cookie:
            sent['Cookie'] = f'__Host-sealpost={self.cookie}'
        if self.token:
            sent['Authorization'] = f'Bearer {self.token}'
        if self.csrf and method != 'GET' and not plain:
            sent['X-Sealpost-CSRF'] = self.csrf
        if body is not None:
            sent['Content-Type'] = 'application/json'
        connection = http.client.HTTPSConnection('127.0.0.1', self.port, timeout=60, context=self.context)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {**sent, **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
            self.headers = {k.lower(): v for k, v in answer.getheaders()}
        finally:
            connection.close()
        match = re.match(r'__Host-sealpost=([^;]*); Path=/; Secure; HttpOnly; SameSite=Strict',
                         self.headers.get('set-cookie', ''))
        if match:
            self.cookie = match.group(1) or None
        is_json = 'json' in self.headers.get('content-type', '')
        return answer.status, json.loads(content) if is_json and content else content

    def log_in(self, user, password, **more):
        status, answer = self.ask('POST', '/v1/session', {'user': user, 'password': password, **more})
        if status == 200:
            self.csrf = answer['csrf']
        return status, answer

    def set_up(self, url, password, **more):
        """Follow a one-time link."""
        status, answer = self.ask('POST', '/v1/setup',
                                  {'token': url.rsplit('/', 1)[1], 'password': password, **more})
        if status == 200:
            self.csrf = answer['csrf']
        return status, answer
