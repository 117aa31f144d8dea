"""/healthz and /readyz: what a load balancer and a monitor ask."""
import os
import shutil
import signal
import socket
import urllib.error
import urllib.request

import pytest

from sealpost import free_port
from waiting import wait_for


def fetch(port, path):
    """(status, text)"""
    try:
        with urllib.request.urlopen(f'http://127.0.0.1:{port}{path}', timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read().decode()


@pytest.fixture
def server(tmp_path, instances):
    port = free_port()
    instance = instances(tmp_path / 'health', node={'metrics': {'listen': f'127.0.0.1:{port}'}})
    instance.monitor = port
    return instance.start()


def test_a_working_server_is_healthy_and_ready(server):
    assert fetch(server.monitor, '/healthz') == (200, 'ok\n')
    assert wait_for(lambda: fetch(server.monitor, '/readyz')[0] == 200, 'the server to be ready', 60)
    assert fetch(server.monitor, '/readyz') == (200, 'ready\n')


def test_nothing_else_is_there(server):
    for path in ('/', '/v1/status', '/v1/config', '/metrics/x', '/.well-known/sealpost-certificates'):
        assert fetch(server.monitor, path)[0] == 404, path
    with socket.create_connection(('127.0.0.1', server.monitor), timeout=30) as s:
        s.sendall(b'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')
        assert s.recv(100).startswith(b'HTTP/1.1 405 ')


def test_a_process_that_hangs_makes_it_not_ready(server):
    pid = server.pid_of('deliver')
    os.kill(pid, signal.SIGSTOP)
    try:
        status, text = wait_for(lambda: (a := fetch(server.monitor, '/readyz'))[0] == 503 and a, 'not ready', 60)
        assert text == 'deliver/0: does not answer\n'
        assert fetch(server.monitor, '/healthz') == (200, 'ok\n')
        assert 'sealpost_ready 0\n' in wait_for(
            lambda: 'sealpost_ready 0\n' in (t := fetch(server.monitor, '/metrics')[1]) and t, 'the gauge', 60)
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: fetch(server.monitor, '/readyz')[0] == 200, 'the server to be ready again', 60)


def test_a_full_disk_makes_it_not_ready(server):
    server.node['limits'] = {'disk_free': '1024G'}
    if shutil.disk_usage(server.directory).free > 1 << 40:
        pytest.skip('the disk has more room than can be asked for')
    server.write_node()
    server.cli('reload')
    status, text = wait_for(lambda: (a := fetch(server.monitor, '/readyz'))[0] == 503 and a, 'not ready', 60)
    assert 'takes no mail' in text
    del server.node['limits']
    server.write_node()
    server.cli('reload')
    wait_for(lambda: fetch(server.monitor, '/readyz')[0] == 200, 'the server to be ready again', 60)


def test_the_listener_moves_with_the_settings(server):
    old, server.node['metrics']['listen'] = server.monitor, f'127.0.0.1:{(new := free_port())}'
    server.write_node()
    server.cli('reload')
    assert fetch(new, '/healthz') == (200, 'ok\n')
    with pytest.raises(OSError):
        socket.create_connection(('127.0.0.1', old), timeout=5)
    del server.node['metrics']
    server.write_node()
    server.cli('reload')
    with pytest.raises(OSError):
        socket.create_connection(('127.0.0.1', new), timeout=5)
