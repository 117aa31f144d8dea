"""The admin center's port: HTTPS by the web process, passed on to admin."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import tempfile

import pytest

from sealpost import free_port
from waiting import wait_for

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
INTRODUCTION = b'POST /-/peer HTTP/1.1\r\nHost: x\r\nX-Peer: 192.0.2.1\r\nX-Tls: TLSv1.3\r\nContent-Length: 0\r\n\r\n'


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


# ---- TLS --------------------------------------------------------------------------------------------


def test_the_versions_before_1_2_are_refused(https):
    context = https.context(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    context.set_ciphers('ALL:@SECLEVEL=0')
    with pytest.raises((ssl.SSLError, ConnectionError)):
        https.connect(context)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with https.connect(https.context(minimum_version=version, maximum_version=version)) as connection:
            assert ask(connection)[0] == 401
    assert https.stats()['failures'] == 1


def test_http_1_1_is_what_is_spoken(https):
    context = https.context()
    context.set_alpn_protocols(['h2', 'http/1.1'])
    with https.connect(context) as connection:
        assert connection.selected_alpn_protocol() == 'http/1.1'
        assert ask(connection)[0] == 401
    context = https.context()
    context.set_alpn_protocols(['h2'])
    with pytest.raises((ssl.SSLError, ConnectionError)):
        https.connect(context)


def test_plain_http_gets_a_clean_close(https):
    with socket.create_connection(('127.0.0.1', https.port), 60) as plain:
        plain.sendall(b'GET / HTTP/1.1\r\nHost: mx.ours.example\r\n\r\n' + b'x' * 10000)
        while plain.recv(4096):  # a reset would be an exception
            pass
    wait_for(lambda: https.stats()['failures'] == 1, 'the failure to be counted')
    assert 'event=tls.failed' in https.sealpost.log_text()


def test_who_does_not_shake_hands_is_let_go(https):
    with socket.create_connection(('127.0.0.1', https.port), 90) as silent:
        assert silent.recv(1) == b''
    assert https.stats()['timeouts'] == 1


def test_a_certificate_is_rolled_over_under_a_connection(https, authority):
    with https.connect() as kept:
        assert ask(kept)[0] == 401
        before = kept.getpeercert(binary_form=True)
        renewed = authority.issue('mx.ours.example', file='renewed-https', key='rsa')
        https.sealpost.node['certificates'] = [{'name': 'mx', 'chain': str(renewed.chain), 'key': str(renewed.key)}]
        https.sealpost.write_node()
        https.sealpost.cli('reload')
        with https.connect() as new:
            assert new.getpeercert(binary_form=True) != before
            assert ask(new)[0] == 401
        assert ask(kept)[0] == 401


def test_an_imported_certificate_and_its_next_version(https, authority):
    ours = https.sealpost
    node = ('--node', ours.directory / 'node.yaml')

    def bring(file):
        issued = authority.issue('mx.ours.example', file=file)
        ours.cli('cert', 'import', 'center', issued.chain, issued.key, *node, '--trust', authority.certificate)
        return ssl.PEM_cert_to_DER_cert(issued.leaf.read_text())

    def shown():
        with https.connect() as connection:
            return connection.getpeercert(binary_form=True)

    first = bring('center-1')
    ours.node['admin']['certificate'] = 'center'
    ours.write_node()
    ours.cli('reload')
    wait_for(lambda: shown() == first, 'the imported one to be shown')
    uses = {c['name']: c['used_by'] for c in ours.json('cert', 'list')}
    assert 'admin center' in uses['center'] and 'admin center' not in uses['mx'], uses
    refused = ours.cli('cert', 'remove', 'center', '--yes', *node, check=False)
    assert refused.returncode != 0 and 'admin.certificate' in refused.stderr
    second = bring('center-2')
    assert shown() == first
    ours.cli('cert', 'rollover', 'advance', 'center', *node)
    wait_for(lambda: shown() == second, 'the next version to be shown')


def test_it_is_listed(https):
    listed = next(x for x in https.sealpost.json('tls', 'list')['listeners'] if x['name'] == 'https')
    assert listed['address'].endswith(f':{https.port}') and listed['tls'] == 'implicit' and listed['suites']
    assert {'name': 'https', 'address': f'127.0.0.1:{https.port}'} in https.sealpost.json('status')['listeners']


# ---- settings ---------------------------------------------------------------------------------------


def refuses(port):
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', port)) != 0


def test_the_port_comes_goes_and_moves_by_reload(https):
    ours, first, second = https.sealpost, https.port, free_port()
    with https.connect() as kept:
        ours.node['admin']['listen'] = f'127.0.0.1:{second}'
        ours.write_node()
        ours.cli('reload')
        assert refuses(first)
        https.port = second
        with https.connect() as connection:
            assert ask(connection)[0] == 401
        ours.node['admin'] = {}
        ours.write_node()
        ours.cli('reload')
        assert refuses(second) and not https.stats()['listening']
        assert ask(kept)[0] == 401


@pytest.mark.parametrize('change, complaint', [
    ({'certificate': 'nobody'}, 'admin.certificate: there is no certificate named "nobody"'),
    ({'listen': 'the mail port'}, 'is where listener mx receives mail'),
    ({'listen': '0.0.0.0:9'}, 'metrics.listen: 127.0.0.1:9 is admin.listen, too, at 0.0.0.0:9'),
])
def test_a_mistake_changes_nothing(https, change, complaint):
    ours = https.sealpost
    if change.get('listen') == 'the mail port':
        change = {'listen': f'127.0.0.1:{ours.port}'}
    elif 'listen' in change:
        ours.node['metrics'] = {'listen': '127.0.0.1:9'}
    ours.node['admin'].update(change)
    ours.write_node()
    done = ours.cli('reload', check=False)
    assert done.returncode != 0 and complaint in done.stdout + done.stderr
    with https.connect() as connection:
        assert ask(connection)[0] == 401


# ---- bytes ------------------------------------------------------------------------------------------


def test_who_says_too_much_hears_why(https):
    """The answer to a question that is refused before its end arrives: no reset takes it away."""
    with https.connect() as connection:
        body = json.dumps({'x': 'y' * 2_000_000}).encode()
        connection.sendall(b'PUT /v1/config HTTP/1.1\r\nHost: mx.ours.example\r\nContent-Type: application/json\r\n'
                           b'Content-Length: %d\r\n\r\n' % len(body) + body)
        assert answer(connection)[0] == 413


def test_a_client_that_only_listens_on_is_answered(https):
    """close_notify behind the question, and then the whole answer."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = https.context().wrap_bio(incoming, outgoing, server_hostname='mx.ours.example')
    with socket.create_connection(('127.0.0.1', https.port), 60) as raw:
        def step(call):
            while True:
                try:
                    result = call()
                    raw.sendall(outgoing.read())
                    return result
                except ssl.SSLWantReadError:
                    raw.sendall(outgoing.read())
                    incoming.write(raw.recv(65536))

        step(tls.do_handshake)
        tls.write(b'GET /v1/status HTTP/1.1\r\nHost: mx.ours.example\r\n\r\n')
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.unwrap()  # says that nothing follows
        raw.sendall(outgoing.read())
        assert step(lambda: tls.read(65536)).startswith(b'HTTP/1.1 401 ')


def test_the_slow_hold_up_nobody(https):
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(https.connect()) for _ in range(20)]
        for connection in slow:
            connection.sendall(b'PUT /v1/config HTTP/1.1\r\nHost: mx.ours.example\r\nContent-Length: 1000\r\n\r\n{')
        with https.connect() as connection:
            for _ in range(50):
                assert ask(connection)[0] == 401
        assert https.stats()['sessions'] >= 20


def test_one_address_has_its_share(https):
    with contextlib.ExitStack() as stack:
        def connect(source=None):
            connection = stack.enter_context(https.connect(source=source))
            assert ask(connection)[0] == 401
            return connection

        elsewhere = connect(('127.0.0.9', 0))
        all = [connect() for _ in range(51)]
        assert all[0].recv(1) == b''  # quiet for longest
        assert ask(all[-1])[0] == ask(elsewhere)[0] == 401
        assert https.stats()['over_limit'] == 1 and https.stats()['sessions'] == 51


# ---- crashes and the end ----------------------------------------------------------------------------


@pytest.mark.parametrize('role', ['web', 'admin', 'keys'])
def test_it_comes_back(https, role):
    ours = https.sealpost
    before = ours.pid_of(role)
    with https.connect() as connection:
        assert ask(connection)[0] == 401
        os.kill(before, signal.SIGKILL)
        if role == 'keys':
            assert ask(connection)[0] == 401  # only a handshake needs them
        else:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                assert connection.recv(1) == b''

    def answers():
        with https.connect() as again:
            return ask(again)[0] == 401
    wait_for(answers, f'answers after the end of {role}', 60)
    wait_for(lambda: ours.pid_of(role) not in (None, before), f'{role} to be there again', 60)


def test_it_ends_with_the_others(https):
    with https.connect() as idle:
        assert ask(idle)[0] == 401
        with https.connect() as busy:
            busy.sendall(b'PUT /v1/config HTTP/1.1\r\nHost: mx.ours.example\r\nContent-Length: 9\r\n\r\n{')
            os.kill(https.sealpost.supervisor, signal.SIGTERM)
            wait_for(lambda: refuses(https.port), 'no new connections')
            busy.sendall(b'"x": 123}'[:8])  # what was under way is answered
            assert answer(busy)[0] == 401
        assert idle.recv(1) == b''
    assert https.sealpost.stop() == 0
    assert 'drain.killed' not in https.sealpost.log_text()
    assert not (https.sealpost.directory / 'run' / 'web.sock').exists()


# ---- RUN/web.sock -----------------------------------------------------------------------------------


def local(https, *requests):
    """What RUN/web.sock says to each of the requests, sent one after the other: status codes; None: it hung up."""
    found = []
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(str(https.sealpost.directory / 'run' / 'web.sock'))
        for request in requests:
            try:
                s.sendall(request)
                data = s.recv(65536)
            except ConnectionError:
                data = b''
            found.append(int(data.split()[1]) if data else None)
    return found


@pytest.mark.parametrize('first', [
    b'GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n',
    INTRODUCTION.replace(b'POST', b'PUT'),
    INTRODUCTION.replace(b'192.0.2.1', b'nowhere'),
    INTRODUCTION.replace(b'X-Peer: 192.0.2.1\r\n', b''),
    INTRODUCTION.replace(b'TLSv1.3', b'x' * 100),
], ids=['another path', 'another method', 'no address', 'none at all', 'too long'])
def test_without_an_introduction_nothing_is_said(https, first):
    assert local(https, first, b'GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n') == [400, None]


def test_who_it_is_is_said_once(https):
    status = b'GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n'
    # Root itself is nobody here: who it is counts on admin.sock alone.
    introduced, again, asked = local(https, INTRODUCTION, INTRODUCTION, status)
    assert introduced == 204 and again >= 400 and asked == 401
    with https.connect() as outside:
        outside.sendall(INTRODUCTION)
        assert answer(outside)[0] >= 400
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(https.sealpost.directory / 'run' / 'admin.sock'))
        s.sendall(INTRODUCTION)
        assert answer(s)[0] == 404


@needs_root
def test_nobody_else_may_connect(instances, authority):
    top = pathlib.Path(tempfile.mkdtemp(prefix='sealpost-web-', dir='/var/tmp'))
    try:
        top.chmod(0o755)
        port = free_port()
        sealpost = instances(top / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                             node={'admin': {'listen': f'127.0.0.1:{port}'}})
        del sealpost.node['users']
        shutil.rmtree(sealpost.mail)  # made anew, for the user who delivers
        https = Https(sealpost.start(), port, authority)
        with https.connect() as connection:
            assert ask(connection)[0] == 401
        path = sealpost.directory / 'run' / 'web.sock'
        pids = {p['role']: p['pid'] for p in sealpost.processes()}
        owners = {role: int(re.search(r'^Uid:\s+(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text(), re.M)[1])
                  for role, pid in pids.items()}
        assert path.stat().st_uid == owners['web'] and stat.S_IMODE(path.stat().st_mode) == 0o600
        attempt = 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])'
        for role, uid in {**owners, 'nobody': 65534}.items():
            done = subprocess.run(['setpriv', f'--reuid={uid}', f'--regid={uid}', '--clear-groups', '--',
                                   '/usr/bin/python3', '-c', attempt, str(path)], capture_output=True, text=True,
                                  timeout=60)
            assert (done.returncode == 0) == (role == 'web'), (role, done.stderr)
            assert role == 'web' or 'PermissionError' in done.stderr
        sealpost.stop()
    finally:
        shutil.rmtree(top)


@needs_root
def test_a_run_directory_out_of_reach_is_explained(instances, authority):
    top = pathlib.Path(tempfile.mkdtemp(prefix='sealpost-web-', dir='/var/tmp'))
    try:
        top.chmod(0o755)
        (top / 'closed').mkdir(mode=0o700)
        sealpost = instances(top / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                             node={'admin': {'listen': f'127.0.0.1:{free_port()}'}, 'run': str(top / 'closed' / 'run')})
        del sealpost.node['users']
        shutil.rmtree(sealpost.mail)
        sealpost.start(wait=False)
        assert sealpost.process.wait(60) == 1
        assert 'web' in sealpost.log_text() and f'pass through {top}/closed' in sealpost.log_text()
    finally:
        shutil.rmtree(top)
