"""`sealpost check endpoints`: every address that certificates point to is fetched by the process that will have to."""
import http.server
import json
import socket
import threading

import pytest

from certs import Authority, openssl
from oddpeer import OddPeer
from peers import Nsd
from sealpost import free_port
from setups import local_domain, organisation, outbound_partner

HOST = 'mx.partner.example'


class Web:
    """Answers what a CA answers, and what stands in its place when something is wrong."""

    def __init__(self):
        self.pages = {}   # path: (status, headers, body), or a function of the request's body
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
                outer.asked.append((self.command, self.path))
                path = next((p for p in outer.pages if self.path == p or p.endswith('/') and self.path.startswith(p)), None)
                page = outer.pages.get(path, (404, {}, b'no such page'))
                status, headers, content = page(body) if callable(page) else page
                self.send_response(status)
                for name, value in {'Content-Length': len(content), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def der(authority, pem, what):
    path = authority.directory / f'{what}.in.pem'
    path.write_text(pem)
    openssl(what, '-in', path, '-outform', 'der', '-out', path.with_suffix('.der'))
    return path.with_suffix('.der').read_bytes()


def responder(authority):
    """What an OCSP responder of this authority answers."""
    turn = threading.Lock()

    def answer(request):
        asked, told = authority.directory / 'ocsp.req', authority.directory / 'ocsp.resp'
        with turn:
            asked.write_bytes(request)
            openssl('ocsp', '-index', authority.directory / 'index.txt', '-CA', authority.certificate, '-rsigner',
                    authority.certificate, '-rkey', authority.key, '-reqin', asked, '-respout', told, '-ndays', '1')
            return 200, {'Content-Type': 'application/ocsp-response'}, told.read_bytes()
    return answer


@pytest.fixture
def web():
    made = Web()
    yield made
    made.close()


@pytest.fixture
def root(tmp_path, web):
    """A root whose intermediate points to WEB, as its leaves do."""
    base = f'http://127.0.0.1:{web.port}'
    made = Authority(tmp_path / 'root', 'Endpoint Root', endpoints={
        'crl': f'{base}/root.crl', 'issuer': f'{base}/root.crt'})
    middle = Authority(tmp_path / 'middle', 'Endpoint Middle', made, endpoints={
        'crl': f'{base}/middle.crl', 'ocsp': f'{base}/ocsp', 'issuer': f'{base}/middle.crt'})
    for name, authority in (('root', made), ('middle', middle)):
        web.pages[f'/{name}.crl'] = 200, {}, der(authority, authority.crl(), 'crl')
        web.pages[f'/{name}.crt'] = 200, {}, der(authority, authority.pem, 'x509')
    web.pages['/ocsp'] = web.pages['/ocsp/'] = responder(middle)
    made.middle = middle
    return made


@pytest.fixture
def names(tmp_path):
    made = Nsd(tmp_path / 'names', {'nowhere.example.': '@ A 127.0.0.1\n'})
    made.start()
    yield made
    made.stop()


@pytest.fixture
def server(tmp_path, instances, root, names):
    """Trusts ROOT, and may fetch from here."""
    roots = tmp_path / 'roots.pem'
    roots.write_text(root.pem)
    return instances(tmp_path / 'ours', 'mx.ours.example', [('mx', root.middle.issue('mx.ours.example'))], node={
        'roots': str(roots), 'fetch': {'allow': ['127.0.0.1'], 'timeout': '3s'},
        'dns': {'servers': [f'127.0.0.1@{names.port}']}}).start()


def check(instance, *arguments, status=0):
    """The lines, and the last of them."""
    done = instance.cli('check', 'endpoints', '--json', *arguments, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]['step'] == 'summary' and lines[-1]['result'] == ('failed' if status else 'ok'), lines
    return [x for x in lines if x['step'] == 'endpoint'], lines


def test_own_certificates(server, web):
    endpoints, lines = check(server, '--own')
    assert sorted((e['kind'], e['url'].rsplit('/', 1)[1]) for e in endpoints) == [
        ('crl', 'middle.crl'), ('crl', 'root.crl'), ('issuer', 'middle.crt'), ('issuer', 'root.crt'),
        ('ocsp', 'ocsp')], lines
    assert {e['token'] for e in endpoints} == {'ok'} and {e['result'] for e in endpoints} == {'ok'}
    assert all(e['used_by'] == ['certificate mx'] for e in endpoints)
    lists = [e for e in endpoints if e['kind'] == 'crl']
    assert all(e['next_update'] > e['this_update'] and e['bytes'] > 100 for e in lists)
    assert lines[-1]['allow'] == [f'127.0.0.1:{web.port}']
    # Once each, though the way of several chains leads over them; for people, too.
    assert len([path for _, path in web.asked if path == '/root.crl']) == 1
    text = server.cli('check', 'endpoints', '--own').stdout
    assert 'Passed: 5 of 5 endpoints of 1 chains are fine' in text and f'127.0.0.1:{web.port}' in text
    assert 'middle.crl' not in server.cli('check', 'endpoints', '--own', '--quiet').stdout


def test_what_can_be_wrong(server, web, root, foreign_authority, tmp_path):
    """Each fault by its cause, with the hosts to allow."""
    namesake = Authority(tmp_path / 'namesake', 'Endpoint Middle', root)
    with socket.create_server(('127.0.0.1', 0)) as silent:
        refused, unknown = free_port(), 'crl.nowhere.example'
        base, slow = f'http://127.0.0.1:{web.port}', f'http://127.0.0.1:{silent.getsockname()[1]}/slow.crl'
        web.pages.update({
            '/page.crl': (200, {'Content-Type': 'text/html'}, b'<html>Please log in</html>'),
            '/gone.crl': (410, {}, b''),
            '/stale.crl': (200, {}, der(root.middle, root.middle.crl(stale=True), 'crl')),
            '/foreign.crl': (200, {}, der(foreign_authority, foreign_authority.crl(), 'crl')),
            '/forged.crl': (200, {}, der(namesake, namesake.crl(), 'crl')),
            '/loop.crl': (302, {'Location': f'{base}/loop.crl'}, b'')})
        wanted = {f'{base}/page.crl': 'malformed', f'{base}/gone.crl': 'http', f'{base}/stale.crl': 'stale',
                  f'{base}/foreign.crl': 'indirect', f'{base}/forged.crl': 'signature',
                  f'{base}/loop.crl': 'redirect', slow: 'timeout',
                  f'http://127.0.0.1:{refused}/x.crl': 'refused', 'ldap://127.0.0.1/cn=x': 'scheme',
                  'http://127.0.0.2/x.crl': 'blocked'}
        root.middle.endpoints = {'crl': [*wanted, f'http://{unknown}/x.crl']}
        bad = root.middle.issue('mx.bad.example')
        root.middle.endpoints = {}
        endpoints, lines = check(server, str(bad.chain), status=1)
    found = {e['url']: e for e in endpoints}
    for url, token in wanted.items():
        if token == 'scheme':  # others of its kind can be fetched
            assert found[url]['result'] == 'note', found[url]
        else:
            assert (found[url]['token'], found[url]['result']) == (token, 'failed'), found[url]
        assert found[url]['remedy'] and found[url]['cause'] and found[url]['text'], found[url]
    assert found[f'http://{unknown}/x.crl']['token'] == 'not-found'
    assert {f'127.0.0.1:{web.port}', f'127.0.0.1:{refused}', f'{unknown}:80'} <= set(lines[-1]['allow'])
    assert found[f'{base}/gone.crl']['http_status'] == 410
    text = server.cli('check', 'endpoints', bad.chain, check=False).stdout
    assert 'what to do' in text and 'firewall' in text and 'Failed' in text, text


def test_a_revoked_certificate_and_one_that_names_nothing(server, root, web, authority):
    leaf = root.middle.issue('mx.revoked.example')
    root.middle.revoke(leaf)
    web.pages['/middle.crl'] = 200, {}, der(root.middle, root.middle.crl(), 'crl')
    endpoints, _ = check(server, str(leaf.chain), status=1)
    tokens = {(e['kind'], e['token']) for e in endpoints if 'middle' in e['url'] or e['kind'] == 'ocsp'}
    assert ('crl', 'revoked') in tokens and ('ocsp', 'revoked') in tokens, endpoints
    _, lines = check(server, str(authority.issue('mx.bare.example').chain))
    none = [x for x in lines if x['step'] == 'certificate']
    assert [x['token'] for x in none] == ['no-endpoint'] and none[0]['result'] == 'note', lines


def test_hosts_and_connectors(server, root, web):
    certificate = root.middle.issue(HOST)
    peer, plain = OddPeer(certificate), OddPeer()
    try:
        endpoints, lines = check(server, f'127.0.0.1:{peer.port}')
        host = next(x for x in lines if x['step'] == 'host')
        assert host['result'] == 'ok' and host['verdict'] == 'trusted' and len(endpoints) == 5, lines
        assert not any(c.startswith('MAIL') for c in peer.commands)
        _, lines = check(server, f'127.0.0.1:{plain.port}', status=1)
        assert 'STARTTLS' in next(x for x in lines if x['step'] == 'host')['text']
        server.apply({
            'organisations': [organisation('ours')], 'domains': [local_domain('ours.example', 'ours', server)],
            'connectors': [outbound_partner('ours', 'partner', 'partner.example', [f'127.0.0.1:{peer.port}'], 'chain')]})
        endpoints, lines = check(server)
        assert {'certificate mx', f'host 127.0.0.1:{peer.port}'} <= set(endpoints[0]['used_by']) or any(
            len(e['used_by']) == 2 for e in endpoints), lines
        assert lines[-1]['chains'] >= 2
    finally:
        peer.close()
        plain.close()


def test_the_hosts_of_a_domain(tmp_path, instances, root):
    peer = OddPeer(root.middle.issue(HOST, file='mx'))
    nsd = Nsd(tmp_path / 'nsd', {'partner.example.': '@ MX 10 mx\n@ MX 20 gone\nmx A 127.0.0.1\n'})
    nsd.start()
    try:
        server = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', root.middle.issue('mx.ours.example'))], node={
            'ports': {'smtp': peer.port}, 'dns': {'servers': [f'127.0.0.1@{nsd.port}']},
            'fetch': {'allow': ['127.0.0.1']}}).start()
        _, lines = check(server, 'partner.example', status=1)
        hosts = {x['host']: x for x in lines if x['step'] == 'host'}
        assert hosts[f'{HOST}:{peer.port}']['result'] == 'ok', hosts
        assert hosts[f'gone.partner.example:{peer.port}']['result'] == 'failed', hosts
    finally:
        nsd.stop()
        peer.close()


def test_addresses_as_such_and_what_is_no_argument(server, root, web, tmp_path):
    endpoints, _ = check(server, f'http://127.0.0.1:{web.port}/root.crl', f'http://127.0.0.1:{web.port}/root.crt')
    assert {(e['kind'], e['token']) for e in endpoints} == {('crl', 'ok'), ('issuer', 'ok')}
    assert check(server, f'http://127.0.0.1:{web.port}/missing.crl', status=1)[0][0]['http_status'] == 404
    assert server.cli('check', 'endpoints', '--kind=nonsense', 'x', check=False).returncode == 2
    assert server.cli('check', 'endpoints', tmp_path / 'missing.pem', check=False).returncode == 1
    for word, status, why in (('missing.pem', 1, 'No such file'), ('ftp://x.example', 2, 'found "ftp://x.example"')):
        done = server.cli('check', 'endpoints', word, check=False)
        assert done.returncode == status and why in done.stderr, 'not looked for as a host'
    (tmp_path / 'empty.pem').write_text('nothing\n')
    _, lines = check(server, str(tmp_path / 'empty.pem'), status=1)
    assert any(x['step'] == 'chain' and 'no certificate' in x['text'] for x in lines), lines
    assert 'hosts[0]' in check(server, 'no host', status=1)[1][-1]['text']
