"""The admin center's port: HTTPS by the web process, passed on to admin."""
import json
import os
import socket
import ssl
import subprocess

import pytest

from certs import Authority
from sealpost import free_port
from setups import local_domain, organisation
from waiting import wait_for


class Https:
    """An instance with an HTTPS port, and a client that trusts its authority."""

    def __init__(self, sealpost, port, authority):
        self.sealpost, self.port, self.authority = sealpost, port, authority

    def context(self, **versions):
        context = ssl.create_default_context(cafile=self.authority.certificate)
        for name, version in versions.items():
            setattr(context, name, version)
        return context

    def connect(self, context=None, source=None, timeout=60):
        raw = socket.create_connection(('127.0.0.1', self.port), timeout, source_address=source)
        return (context or self.context()).wrap_socket(raw, server_hostname='mx.ours.example')

    def curl(self, path, *options):
        done = subprocess.run(
            ['curl', '--silent', '--show-error', '--max-time', '60', '--cacert', self.authority.certificate, '--resolve',
             f'mx.ours.example:{self.port}:127.0.0.1', '--write-out', '\n%{http_code} %{http_version} %{ssl_verify_result}',
             *options, f'https://mx.ours.example:{self.port}{path}'], capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stderr
        body, _, result = done.stdout.rpartition('\n')
        return body, result.split()

    def stats(self):
        return next(p['stats'] for p in self.sealpost.processes() if p['role'] == 'web')


@pytest.fixture
def https(tmp_path, instances, authority):
    port = free_port()
    certificate = authority.issue('mx.ours.example')
    sealpost = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', certificate)],
                         node={'admin': {'listen': f'127.0.0.1:{port}'}})
    return Https(sealpost.start(), port, authority)


def ask(connection, path='/v1/status', **headers):
    """One request; the status and the body of its answer."""
    lines = [f'GET {path} HTTP/1.1', 'Host: mx.ours.example', *(f'{k}: {v}' for k, v in headers.items()), '', '']
    connection.sendall('\r\n'.join(lines).encode())
    return answer(connection)


def answer(connection):
    data = b''
    while b'\r\n\r\n' not in data:
        more = connection.recv(65536)
        assert more, data
        data += more
    head, _, body = data.partition(b'\r\n\r\n')
    length = next((int(line.split(b':')[1]) for line in head.split(b'\r\n') if line.lower().startswith(b'content-length')), 0)
    while len(body) < length:
        more = connection.recv(65536)
        assert more, 'the answer is cut off'
        body += more
    return int(head.split()[1]), body


def test_curl_is_answered_and_unknown(https):
    body, (status, version, verified) = https.curl('/v1/status')
    assert (status, version, verified) == ('401', '1.1', '0')
    assert json.loads(body)['status'] == 401
