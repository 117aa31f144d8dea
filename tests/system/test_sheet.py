"""The certificate sheet: by the command, and open to everybody; what it says compared with what openssl says."""
import hashlib
import json
import re
import smtplib
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest

from certs import Authority, openssl, spki_pin
from sealpost import client_context, free_port
from setups import local_domain, organisation
from waiting import wait_for

PATH = '/.well-known/sealpost-certificates'
SUBJECT = '/C=DE/O=Größte Bank/OU=Post/OU=Sicherheit/CN=mx.ours.example'


@pytest.fixture(scope='module')
def pki(tmp_path_factory):
    """root, issuer: what they issue names lists and responders."""
    directory = tmp_path_factory.mktemp('sheet')
    root = Authority(directory / 'root', 'Sheet Root', endpoints={'crl': 'http://crl.root.example/root.crl'})
    issuer = Authority(directory / 'issuer', 'Sheet Issuer', parent=root, endpoints={
        'crl': 'http://crl.issuer.example:8080/issuer.crl', 'ocsp': 'http://ocsp.issuer.example',
        'issuer': 'http://crl.issuer.example:8080/issuer.cer'})
    return root, issuer


def start(tmp_path, instances, pki, **node):
    root, issuer = pki
    roots = tmp_path / 'roots.pem'
    roots.write_text(root.pem)
    port = free_port()
    instance = instances(tmp_path / 'ours', 'mx.ours.example', node={
        'roots': str(roots), 'publish': {'listen': f'127.0.0.1:{port}'}, **node})
    instance.public = port
    return instance


def fetch(port, path, method='GET'):
    request = urllib.request.Request(f'http://127.0.0.1:{port}{path}', method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.headers, answer.read().decode()


def put(instance, name, certificate, *more):
    return instance.cli('cert', 'import', name, certificate.chain, certificate.key, '--node',
                        instance.directory / 'node.yaml', *more)


def leaf_of(sheet, name, state):
    found = next(c for c in sheet['certificates'] if c['name'] == name)
    return next(v for v in found['versions'] if v.get('state', 'current') == state)


def issued(issuer, file, **more):
    return issuer.issue('mx.ours.example', ['mx.ours.example', 'mail.ours.example'], file=file, subject=SUBJECT, **more)


def test_a_sheet_says_now_and_next(tmp_path, instances, pki):
    root, issuer = pki
    ours = start(tmp_path, instances, pki)
    ours.write_node()
    current, coming = issued(issuer, 'first', key='rsa3072'), issued(issuer, 'second')
    put(ours, 'mx', current)
    ours.start()
    ours.apply({'organisations': [organisation('ours')], 'domains': [local_domain('ours.example', 'ours', ours)]})

    def published():
        return json.loads(fetch(ours.public, PATH + '.json')[1])

    sheet = published()
    assert sheet['sealpost-certificates'] == 1 and sheet['host'] == 'mx.ours.example'
    check_leaf(leaf_of(sheet, 'mx', 'current'), current, pki, 'RSA 3072', 3072)
    assert len(sheet['certificates'][0]['versions']) == 1
    assert sheet['certificates'][0]['server'] is True and sheet['certificates'][0]['client'] is True

    put(ours, 'mx', coming)
    sheet = wait_for(lambda: (s := published()) and len(s['certificates'][0]['versions']) == 2 and s, 'the next one')
    check_leaf(leaf_of(sheet, 'mx', 'current'), current, pki, 'RSA 3072', 3072)
    check_leaf(leaf_of(sheet, 'mx', 'next'), coming, pki, 'ECDSA P-256', 256)
    assert 'changes' not in leaf_of(sheet, 'mx', 'next')
    # Both keys stand in the zone before the change.
    zone = [line for v in sheet['certificates'][0]['versions'] for line in v['tlsa']]
    port = ours.port
    assert f'_{port}._tcp.mx.ours.example. IN TLSA 3 1 1 {spki_pin(current)}' in zone
    assert f'_{port}._tcp.mx.ours.example. IN TLSA 3 1 1 {spki_pin(coming)}' in zone
    assert f'_{port}._tcp.mx.ours.example. IN TLSA 2 1 1 {spki_of(issuer.certificate)}' in zone

    # The same by the command and by every form.
    told = ours.json('cert', 'sheet', 'mx')
    assert {**told, 'made': None} == {**sheet, 'made': None}
    for extension, kind, form in (('', 'text/html', None), ('.html', 'text/html', 'html'),
                                  ('.txt', 'text/plain', 'text'), ('.md', 'text/markdown', 'markdown')):
        headers, page = fetch(ours.public, PATH + extension)
        assert headers['Content-Type'].startswith(kind) and headers['Connection'] == 'close'
        for words in ('Größte Bank', 'Post, Sicherheit', 'mx.ours.example', 'RSA 3072', 'ECDSA P-256', 'Sheet Root',
                      'http://ocsp.issuer.example', 'crl.root.example:80', spki_pin(coming), 'next: will take'):
            assert words in page.replace('\\', ''), (extension, words)
        if form:
            ours_form = ours.cli('cert', 'sheet', '--format', form).stdout
            assert undated(ours_form) == undated(page), form

    # Advanced: what was next is current, what was current is deprecated, and everybody reads so.
    ours.cli('cert', 'rollover', 'advance', 'mx')
    sheet = wait_for(lambda: (s := published()) and any(
        v.get('state') == 'deprecated' for v in s['certificates'][0]['versions']) and s, 'the new states')
    check_leaf(leaf_of(sheet, 'mx', 'current'), coming, pki, 'ECDSA P-256', 256)
    check_leaf(leaf_of(sheet, 'mx', 'deprecated'), current, pki, 'RSA 3072', 3072)


def test_the_kit_says_what_comes(tmp_path, instances, pki):
    """A partner learns of the next certificate and its root before it is presented; those who know nothing of it read
    kits that have none."""
    root, issuer = pki
    new_root = Authority(tmp_path / 'new', 'Sheet New Root')
    ours = start(tmp_path, instances, pki)
    (tmp_path / 'roots.pem').write_text(root.pem + new_root.pem)
    ours.write_node()
    put(ours, 'mx', issued(issuer, 'kit-first'))
    ours.start()
    ours.apply({'organisations': [organisation('ours')], 'domains': [local_domain('ours.example', 'ours', ours)]})
    kit = ours.json('partner', 'kit')
    assert kit['sealpost-partner-kit'] == 1 and 'other_server_certificates' not in kit
    coming = new_root.issue('mx2.ours.example')
    put(ours, 'mx', coming)
    kit = wait_for(lambda: (k := ours.json('partner', 'kit')) and k.get('other_server_certificates') and k, 'the next')
    assert kit['sealpost-partner-kit'] == 2
    assert kit['client_certificate']['tls_name'] == kit['server_certificates'][0]['tls_name'] == 'mx.ours.example'
    for others in (kit['other_server_certificates'], kit['other_client_certificates']):
        assert [(c['state'], c['tls_name'], c['sha256']) for c in others] == [
            ('next', 'mx2.ours.example', sha256_of(coming.leaf))]
    assert {r['sha256'] for r in kit['roots']} == {sha256_of(root.certificate), sha256_of(new_root.certificate)}
    # Whoever takes it is told.
    path = tmp_path / 'kit.json'
    path.write_text(json.dumps({**kit, 'organisation': 'them', 'domains': ['them.example']}))
    done = ours.cli('partner', 'import', path, '--name', 'them')
    assert 'mx2.ours.example' in done.stdout + done.stderr


def undated(page):
    return re.sub(r'Made \S+ \S+ UTC', '', page)


def spki_of(path):
    public = openssl('x509', '-in', path, '-noout', '-pubkey')
    der = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'der'], input=public.encode(), capture_output=True,
                         check=True).stdout
    return hashlib.sha256(der).hexdigest()


def sha256_of(path):
    return openssl('x509', '-in', path, '-noout', '-fingerprint', '-sha256').split('=')[1].strip().replace(':', '').lower()


def check_leaf(leaf, certificate, pki, key, bits):
    root, issuer = pki
    facts = leaf['certificate']
    assert facts['sha256'] == sha256_of(certificate.leaf)
    assert facts['spki_sha256'] == spki_pin(certificate)
    assert (facts['common_name'], facts['organisation']) == ('mx.ours.example', 'Größte Bank')
    assert facts['organisational_unit'] == 'Post, Sicherheit'
    assert (facts['key'], facts['key_bits']) == (key, bits)
    assert facts['names'] == ['mx.ours.example', 'mail.ours.example']
    end = openssl('x509', '-in', certificate.leaf, '-noout', '-enddate', '-dateopt', 'iso_8601').split('=')[1].split()
    assert facts['not_after'].startswith('T'.join(end).rstrip('Z'))
    assert leaf['root']['sha256'] == sha256_of(root.certificate) and leaf['root']['public'] is True
    assert [step['sha256'] for step in leaf['path']] == [
        sha256_of(c) for c in (certificate.leaf, issuer.certificate, root.certificate)]
    assert [step.get('presented', False) for step in leaf['path']] == [True, True, False]
    assert {e['url'] for e in leaf['path'][0]['endpoints']} == {
        'http://crl.issuer.example:8080/issuer.crl', 'http://ocsp.issuer.example',
        'http://crl.issuer.example:8080/issuer.cer'}
    assert leaf['places'] == ['crl.issuer.example:8080', 'crl.root.example:80', 'ocsp.issuer.example:80']


def status_of(port, path, method='GET'):
    try:
        fetch(port, path, method)
        return 200
    except urllib.error.HTTPError as problem:
        return problem.code


def test_nothing_else_is_open(tmp_path, instances, pki):
    ours = start(tmp_path, instances, pki).start()
    assert status_of(ours.public, PATH + '.json') == 200
    assert status_of(ours.public, PATH + '.json', 'HEAD') == 200
    for path in ('/', '/v1', '/v1/status', '/v1/config', PATH + '.xml', PATH + '/', '/.well-known/',
                 '/.well-known/acme-challenge/', '/.well-known/acme-challenge/x', PATH + '.json/../../v1'):
        assert status_of(ours.public, path) == 404, path
    for method in ('POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'):
        assert status_of(ours.public, PATH + '.json', method) == 405, method
    for bytes_sent in (b'\0' * 5000, b'GET ' + b'/' * 5000, b'EHLO x\r\n', b'\x16\x03\x01\x02\x00' + b'x' * 600):
        with socket.create_connection(('127.0.0.1', ours.public), timeout=20) as stranger:
            stranger.sendall(bytes_sent)
            stranger.shutdown(socket.SHUT_WR)
            answer = stranger.makefile('rb').read()
        assert answer == b'' or answer.startswith(b'HTTP/1.1 4'), answer
    assert status_of(ours.public, PATH) == 200


def test_who_holds_connections_keeps_nobody_out(tmp_path, instances, pki):
    ours = start(tmp_path, instances, pki).start()
    held = [socket.create_connection(('127.0.0.1', ours.public), timeout=20) for _ in range(300)]
    try:
        for stranger in held[-10:]:
            stranger.sendall(b'GET / HT')
        assert status_of(ours.public, PATH) == 200
        assert ours.json('status')['state'] == 'working'
    finally:
        for stranger in held:
            stranger.close()


def test_the_socket_moves_with_a_reload(tmp_path, instances, pki):
    ours = start(tmp_path, instances, pki).start()
    before = ours.public
    with smtplib.SMTP('127.0.0.1', ours.port, 'client.example', timeout=30) as session:
        session.ehlo()
        ours.node['publish']['listen'] = f'127.0.0.1:{free_port()}'
        ours.write_node()
        ours.cli('reload')
        after = int(ours.node['publish']['listen'].rsplit(':')[-1])
        assert status_of(after, PATH) == 200
        assert refuses(before)
        # The same again keeps the socket; none closes it.
        ours.cli('reload')
        assert status_of(after, PATH) == 200
        del ours.node['publish']
        ours.write_node()
        ours.cli('reload')
        assert refuses(after)
        assert session.noop()[0] == 250


def refuses(port):
    try:
        socket.create_connection(('127.0.0.1', port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_place_that_is_taken_is_said(tmp_path, instances, pki):
    ours = start(tmp_path, instances, pki).start()
    with socket.create_server(('127.0.0.1', 0)) as other:
        ours.node['publish']['listen'] = f'127.0.0.1:{other.getsockname()[1]}'
        ours.write_node()
        done = ours.cli('reload', check=False)
    assert done.returncode != 0 and 'publish.listen: cannot listen on 127.0.0.1' in done.stderr
    assert status_of(ours.public, PATH) == 200  # as before


def test_what_is_shown_to_whom(tmp_path, instances, pki):
    """The published sheet has the certificates that it is told to have; an organisation's has its own."""
    root, issuer = pki
    certificates = {name: issuer.issue(f'{name}.example', file=f'own-{name}') for name in ('mx', 'red', 'blue', 'idle')}
    ours = start(tmp_path, instances, pki)
    ours.node['listeners'][0]['certificates'] = ['mx']
    ours.node['certificates'] = [{'name': n, 'chain': str(c.chain), 'key': str(c.key)} for n, c in certificates.items()]
    ours.start()
    ours.apply({'organisations': [organisation('red', 'red'), organisation('blue', 'blue')]})

    def names(sheet):
        return {c['name'] for c in sheet['certificates']}

    def published():
        return names(json.loads(fetch(ours.public, PATH + '.json')[1]))

    wait_for(lambda: published() == {'mx', 'red', 'blue'}, 'all that are in use')
    assert names(ours.json('cert', 'sheet')) == {'mx', 'red', 'blue'}
    assert names(ours.json('cert', 'sheet', 'idle')) == {'idle'}
    assert names(ours.json('cert', 'sheet', '--organisation', 'red')) == {'mx', 'red'}
    assert 'no certificate named blue for that organisation' in ours.cli(
        'cert', 'sheet', 'blue', '--organisation', 'red', check=False).stderr
    red = leaf_of(ours.json('cert', 'sheet', 'red'), 'red', 'current')
    assert not red.get('tlsa'), 'no server presents it'
    ours.node['publish']['certificates'] = ['mx', 'blue']
    ours.write_node()
    ours.cli('reload')
    assert published() == {'mx', 'blue'}


def test_a_root_of_ones_own_goes_along(tmp_path, instances, pki):
    """What no system has is handed out, once the configuration says that it is ours."""
    root, issuer = pki
    ours = start(tmp_path, instances, pki)
    (tmp_path / 'roots.pem').write_text(Authority(tmp_path / 'public', 'Public Root').pem)
    mine = issuer.issue('mx.ours.example', file='own-root')
    ours.node['certificates'] = [{'name': 'mx', 'chain': str(mine.chain), 'key': str(mine.key)}]
    ours.start()
    assert 'not known to the maker' in ours.cli('cert', 'sheet').stdout
    ours.apply({'organisations': [organisation('ours', trust=root.pem)]})
    page = wait_for(lambda: 'told to trust it' in (p := ours.cli('cert', 'sheet').stdout) and p, 'the root')
    assert root.pem.strip() in page
    with smtplib.SMTP('127.0.0.1', ours.port, 'client.example', timeout=30) as session:
        session.starttls(context=client_context())
        presented = session.sock.getpeercert(binary_form=True)
    assert presented == ssl.PEM_cert_to_DER_cert(mine.leaf.read_text())
