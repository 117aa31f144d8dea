"""The partner kit: what it says is true, what it proposes works, with Postfix and with another Sealpost."""
import html.parser
import json
import re
import subprocess
import threading

import pytest
import yaml

from certs import Authority, openssl
from network import Network, reason_not_to_run
from peers import Nsd, Postfix
from sealpost import client_context, message
from setups import QUICK_QUEUE, local_domain, organisation, own_server_by_address
from test_management import Api
from waiting import wait_for

pytestmark = pytest.mark.sanitized


@pytest.fixture
def contoso(tmp_path, instances):
    """contoso with a CA of its own, whose root is in its chain file."""
    ca = Authority(tmp_path / 'contoso-ca', 'contoso Root')
    certificate = ca.issue('mx.contoso.example')
    certificate.chain.write_text(certificate.chain.read_text() + ca.pem)
    contoso = instances(tmp_path / 'contoso', 'mx.contoso.example', [('mx', certificate)],
                        node={'queue': QUICK_QUEUE}).start()
    contoso.ca, contoso.certificate = ca, certificate
    contoso.apply({'organisations': [organisation('contoso')],
                   'domains': [local_domain('contoso.example', 'contoso', contoso)],
                   'connectors': [own_server_by_address('contoso', ['127.0.0.2'])]})
    return contoso


def fingerprint(path):
    return openssl('x509', '-in', path, '-noout', '-fingerprint', '-sha256').strip().split('=')[1]


def public_key(path):
    """SHA-256 of the SubjectPublicKeyInfo, by openssl."""
    key = subprocess.run(['openssl', 'x509', '-in', str(path), '-noout', '-pubkey'], capture_output=True, check=True)
    der = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=key.stdout, capture_output=True,
                         check=True)
    return subprocess.run(['openssl', 'dgst', '-sha256', '-r'], input=der.stdout, capture_output=True,
                          check=True).stdout.decode().split()[0]


def files_of(text):
    """{file: content} of the settings that a kit's text holds."""
    return dict(re.findall(r'^----- (\S+) -----\n(.*?)^-----$', text, re.M | re.S))


# ---- making one -------------------------------------------------------------------------------------


def test_a_kit_tells_what_openssl_tells(contoso):
    kit = json.loads(contoso.cli('partner', 'kit', '--format', 'json', '--address', '192.0.2.25').stdout)
    assert kit['sealpost-partner-kit'] == 1 and kit['organisation'] == 'contoso'
    assert kit['domains'] == ['contoso.example'] and kit['host'] == 'mx.contoso.example'
    assert kit['listeners'] == [{'address': '127.0.0.1', 'port': contoso.port}]
    assert kit['addresses'] == ['192.0.2.25']
    for shown in (kit['server_certificates'][0], kit['client_certificate']):
        assert shown['sha256'] == fingerprint(contoso.certificate.leaf).replace(':', '').lower()
        assert shown['spki_sha256'] == public_key(contoso.certificate.leaf)
        assert shown['tls_name'] == 'mx.contoso.example' and 'contoso Root' in shown['root']
    assert [r['sha256'] for r in kit['roots']] == [fingerprint(contoso.ca.certificate).replace(':', '').lower()]
    assert openssl('x509', '-noout', '-in', contoso.ca.certificate, '-subject') == subprocess.run(
        ['openssl', 'x509', '-noout', '-subject'], input=kit['roots'][0]['pem'], capture_output=True, text=True).stdout
    offered = contoso.json('tls', 'list')['listeners'][0]['suites']
    assert kit['tls']['suites_13'] == [s['library'] for s in offered if s['version'] == 'TLSv1.3']
    assert 'requirements' not in kit


def test_a_connector_adds_what_it_asks(contoso):
    contoso.cli('connector', 'add', 'contoso/fabrikam', '--inbound.sender-domains=fabrikam.example',
                '--inbound.certificate-name=mx.fabrikam.example', '--inbound.restrict-to-certificate',
                '--outbound.recipient-domains=fabrikam.example', '--outbound.tls=chain', '--minimum-version=1.3')
    kit = contoso.json('partner', 'kit', '--connector', 'contoso/fabrikam')
    asked = kit['requirements']
    assert asked['certificate_name'] == 'mx.fabrikam.example' and asked['restrict_to_certificate']
    assert asked['tls'] == 'chain' and asked['minimum_version'] == '1.3'
    text = contoso.cli('partner', 'kit', '--connector', 'contoso/fabrikam').stdout
    assert 'What we ask of you' in text and 'mx.fabrikam.example' in text and '1.3 or newer' in text
    for wrong, said in (('contoso/nobody', 'there is no connector contoso/nobody'),
                        ('contoso/own-server', 'on-premises')):
        done = contoso.cli('partner', 'kit', '--connector', wrong, check=False)
        assert done.returncode and said in done.stderr, done


def test_an_unknown_root_is_told_and_can_be_given(contoso, tmp_path):
    bare = contoso.ca.issue('mx.contoso.example', file='bare')  # the root is not in its chain file
    contoso.node['certificates'][0].update(chain=str(bare.chain), key=str(bare.key))
    contoso.write_node()
    contoso.cli('reload')
    assert any('--trust' in n for n in contoso.json('partner', 'kit')['notes'])
    kit = contoso.json('partner', 'kit', '--trust', contoso.ca.certificate)
    assert len(kit['roots']) == 1 and not [n for n in kit.get('notes', []) if '--trust' in n]
    done = contoso.cli('partner', 'kit', '--trust', bare.leaf, check=False)
    assert done.returncode and 'is no root' in done.stderr


class Page(html.parser.HTMLParser):
    VOID = {'meta', 'br'}

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text, self.attributes = [], [], '', []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_whole_and_harmless(contoso, tmp_path):
    strange = tmp_path / 'strange'
    strange.mkdir()
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
            strange / 'key.pem', '-subj', '/CN=<script>alert(1)<\\/script>', '-out', strange / 'chain.pem', '-days', '9')
    contoso.node['certificates'].append({'name': 'odd', 'chain': str(strange / 'chain.pem'),
                                         'key': str(strange / 'key.pem')})
    contoso.write_node()
    contoso.cli('reload')
    contoso.cli('org', 'set', 'contoso', '--certificate=odd')
    out = tmp_path / 'kit.html'
    contoso.cli('partner', 'kit', '--format', 'html', '--output', out)
    page = Page()
    page.feed(out.read_text())
    page.close()
    assert not page.open and 'script' not in page.seen and not {'img', 'link', 'iframe'} & set(page.seen)
    assert not [a for a in page.attributes if a[0] in ('src', 'href') or a[0].startswith('on')]
    assert '<script>alert(1)' in page.text and 'expires in' in page.text
    assert ('lang', 'en') in page.attributes and ('scope', 'row') in page.attributes


def test_the_api_gives_all_forms(contoso):
    api = Api(contoso.directory / 'run' / 'admin.sock')
    for form, kind, start in (('text', 'text/plain', b'Forced TLS with contoso'), ('html', 'text/html', b'<!DOCTYPE')):
        api.request('GET', f'/v1/partner-kit?format={form}')
        answer = api.getresponse()
        assert answer.status == 200 and answer.getheader('Content-Type').startswith(kind)
        assert answer.read().startswith(start)
    assert api.ask('GET', '/v1/partner-kit')[1]['sealpost-partner-kit'] == 1
    assert api.ask('GET', '/v1/partner-kit?format=pdf')[0] == 400
    assert api.ask('GET', '/v1/partner-kit?organisation=nobody')[0] == 404
    assert api.ask('GET', '/v1/partner-kit?address=here')[0] == 422


# ---- taking one --------------------------------------------------------------------------------------


def test_two_sealposts_force_tls_by_each_others_kits(contoso, tmp_path, instances):
    ca = Authority(tmp_path / 'fabrikam-ca', 'fabrikam Root')
    fabrikam = instances(tmp_path / 'fabrikam', 'mx.fabrikam.example', [('mx', ca.issue('mx.fabrikam.example'))],
                         node={'queue': QUICK_QUEUE}).start()
    fabrikam.apply({'organisations': [organisation('fabrikam')],
                    'domains': [local_domain('fabrikam.example', 'fabrikam', fabrikam)],
                    'connectors': [own_server_by_address('fabrikam', ['127.0.0.2'])]})
    kits = {}
    for one, trust in ((contoso, ()), (fabrikam, ('--trust', ca.certificate))):
        kits[one] = one.directory / 'kit.json'
        one.cli('partner', 'kit', '--format', 'json', '--output', kits[one], *trust)
    for us, them in ((contoso, fabrikam), (fabrikam, contoso)):
        name = them.hostname.split('.')[1]
        shown = us.cli('partner', 'import', kits[them])
        proposed = yaml.safe_load(shown.stdout)['connectors'][0]
        assert proposed['inbound']['certificate_name'] == them.hostname
        assert proposed['outbound']['tls'] == 'name' and proposed['outbound']['tls_domain'] == them.hostname
        assert 'BEGIN CERTIFICATE' in proposed['trust']
        assert f'+ connector' in shown.stderr and 'inbound.certificate_name: the name' in shown.stderr
        assert us.cli('connector', 'show', f'{us.hostname.split(".")[1]}/{name}', check=False).returncode
        assert 'added' in us.cli('partner', 'import', kits[them], '--apply', '--json').stdout
        assert 'Nothing changes' in us.cli('partner', 'import', kits[them]).stderr
    for us, them in ((contoso, fabrikam), (fabrikam, contoso)):
        ours, theirs = us.hostname.split('.')[1], them.hostname.split('.')[1]
        send_from(us, '127.0.0.2', f'alice@{ours}.example', f'bob@{theirs}.example')
        them.wait_mail('bob')
        item = wait_for(lambda: them.json('trace', '--to', f'bob@{theirs}.example'), 'the trace')[0]
        taken = [e for e in them.json('trace', item['id'])['events'] if e['kind'] == 'received'][0]['receipt']
        assert taken['connector'] == ours and taken['name_matched'] == us.hostname and taken['got'] == 'name'


def send_from(instance, source, sender, recipient):
    import smtplib
    with smtplib.SMTP('127.0.0.1', instance.port, 'client.example', timeout=30, source_address=(source, 0)) as client:
        client.starttls(context=client_context())
        client.sendmail(sender, [recipient], message(sender, recipient))


@pytest.mark.parametrize('change, said', [
    (lambda k: k.update({'sealpost-partner-kit': 3}), 'version 3'),
    (lambda k: k.pop('sealpost-partner-kit'), 'is no partner kit'),
    (lambda k: k.update(extra=1), 'extra'),
    (lambda k: k.update(domains=[]), 'domains'),
    (lambda k: k.update(domains=['not a domain']), 'domains[0]'),
    (lambda k: k.update(organisation='a b'), 'organisation'),
    (lambda k: k['roots'][0].update(sha256='0' * 64), 'fingerprint'),
    (lambda k: k['roots'][0].update(pem='-----BEGIN PRIVATE KEY-----'), 'private key'),
])
def test_a_kit_that_is_none_is_refused(contoso, tmp_path, change, said):
    kit = contoso.json('partner', 'kit')
    change(kit)
    path = tmp_path / 'kit.json'
    path.write_text(json.dumps(kit))
    done = contoso.cli('partner', 'import', path, '--name', 'x', check=False)
    assert done.returncode and said in done.stderr and not done.stdout, done
    status, problem, _ = Api(contoso.directory / 'run' / 'admin.sock').ask('POST', '/v1/partner-kit/import', {'kit': kit})
    assert status == 422 and said in problem['detail'], problem


def test_the_api_proposes_what_the_command_line_does(contoso, tmp_path):
    api = Api(contoso.directory / 'run' / 'admin.sock')
    kit = contoso.json('partner', 'kit')
    kit.update(organisation='fabrikam', domains=['fabrikam.example'], notes=['Ring us.'])
    path = tmp_path / 'kit.json'
    path.write_text(json.dumps(kit))
    by_cli = yaml.safe_load(contoso.cli('partner', 'import', path).stdout)['connectors'][0]
    status, proposal, _ = api.ask('POST', '/v1/partner-kit/import', {'kit': kit})
    assert status == 200 and proposal['notes'] == ['Ring us.'], proposal
    assert proposal['change'] == {'kind': 'connector', 'op': 'add', 'key': 'contoso/fabrikam', 'object': by_cli}
    assert proposal['roots'] == [{'subject': kit['roots'][0]['subject'], 'sha256': kit['roots'][0]['sha256'],
                                  'is_public': False}]
    assert 'telephone' in next(c['why'] for c in proposal['choices'] if c['property'] == 'trust')
    assert api.ask('POST', '/v1/changes', {'changes': [proposal['change']]})[0] == 200
    # What is there already is changed where the kit decides, and only there.
    contoso.cli('connector', 'set', 'contoso/fabrikam', '--inbound.mode=report')
    kit['domains'].append('fabrikam.test')
    status, proposal, _ = api.ask('POST', '/v1/partner-kit/import', {'kit': kit, 'organisation': 'contoso'})
    assert proposal['change']['op'] == 'patch' and 'mode' not in proposal['change']['object']['inbound']
    assert api.ask('POST', '/v1/changes', {'changes': [proposal['change']]})[0] == 200
    now = contoso.json('connector', 'show', 'contoso/fabrikam')['inbound']
    assert now['mode'] == 'report' and now['sender_domains'] == ['fabrikam.example', 'fabrikam.test']
    for body, said in (({}, 'kit'), ({'kit': kit, 'organisation': 'nobody'}, 'no organisation nobody')):
        status, problem, _ = api.ask('POST', '/v1/partner-kit/import', body)
        assert status == 422 and said in problem['detail'], problem


def test_a_root_that_the_system_trusts_is_not_pinned(tmp_path, instances, authority):
    us = instances(tmp_path / 'us', 'mx.us.example', [('mx', authority.issue('mx.us.example'))],
                   node={'roots': str(authority.certificate)}).start()
    us.apply({'organisations': [organisation('us')], 'domains': [local_domain('us.example', 'us', us)]})
    kit = us.json('partner', 'kit')
    assert kit['roots'][0]['public'] is True and not [n for n in kit['notes'] if '--trust' in n]
    kit.update(organisation='them', domains=['them.example'])
    path = tmp_path / 'kit.json'
    path.write_text(json.dumps(kit))
    node = us.directory / 'node.yaml'
    assert 'trust' not in yaml.safe_load(us.cli('partner', 'import', path, '--node', node).stdout)['connectors'][0]
    # Where the store at hand does not have it, it goes along.
    assert 'trust' in yaml.safe_load(us.cli('partner', 'import', path).stdout)['connectors'][0]


def test_a_difference_from_the_connector_there_is_shown(contoso, tmp_path):
    path = tmp_path / 'kit.json'
    kit = contoso.json('partner', 'kit')
    kit.update(organisation='fabrikam', domains=['fabrikam.example'])
    path.write_text(json.dumps(kit))
    contoso.cli('partner', 'import', path, '--apply')
    contoso.cli('connector', 'set', 'contoso/fabrikam', '--inbound.mode=report', '--outbound.cost=7')
    assert 'Nothing changes' in contoso.cli('partner', 'import', path).stderr  # what a kit does not decide stays
    kit['domains'].append('fabrikam.test')
    path.write_text(json.dumps(kit))
    shown = contoso.cli('partner', 'import', path).stderr
    assert '~ connector contoso/fabrikam' in shown
    assert re.search(r'sender_domains: .*fabrikam.example.* -> .*fabrikam.test', shown), shown
    contoso.cli('partner', 'import', path, '--apply')
    now = contoso.json('connector', 'show', 'contoso/fabrikam')
    assert now['inbound']['mode'] == 'report' and now['outbound']['cost'] == 7
    assert now['outbound']['recipient_domains'] == ['fabrikam.example', 'fabrikam.test']
    # A kit without a server certificate takes the name away again.
    del kit['server_certificates']
    path.write_text(json.dumps(kit))
    contoso.cli('partner', 'import', path, '--apply')
    now = contoso.json('connector', 'show', 'contoso/fabrikam')['outbound']
    assert now['tls'] == 'encrypt' and now['tls_domain'] is None


# ---- from the web ------------------------------------------------------------------------------------


@pytest.fixture
def web(tmp_path, authority):
    """An HTTPS server of a CA that no system trusts; what it answers is web.pages."""
    import http.server
    import ssl

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = self.server.pages.get(self.path, (404, {}, b'nothing'))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                pass  # the client has had enough

        def log_message(self, *arguments):
            pass

    certificate = authority.issue('localhost', file='web')
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.pages = {}
    server.url = f'https://localhost:{server.server_port}'
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_kit_is_fetched_by_https_only_and_within_limits(contoso, web, authority):
    kit = json.dumps(contoso.json('partner', 'kit')).encode()
    web.pages = {'/kit': (200, {}, kit), '/big': (200, {}, b' ' * (2 << 20)),
                 '/moved': (302, {'Location': '/kit'}, b''),
                 '/away': (302, {'Location': f'https://127.0.0.1:{web.server_port}/kit'}, b''),
                 '/down': (302, {'Location': f'http://localhost:{web.server_port}/kit'}, b''),
                 '/round': (302, {'Location': '/round'}, b'')}

    def take(path, *more):
        return contoso.cli('partner', 'import', path if '://' in path else web.url + path, '--name', 'web', *more,
                           check=False)
    done = take('/kit')
    assert done.returncode and 'certificate' in done.stderr, done  # nobody trusts that CA
    contoso.node['roots'] = str(authority.certificate)
    node = contoso.write_node()
    done = take('/kit', '--node', node)
    assert 'connectors:' in done.stdout and 'connectors:' in take('/moved', '--node', node).stdout
    for path, said in (('/big', 'larger than 1 MiB'), ('/away', 'another host'), ('/none', '404'), ('/down', ''),
                       ('/round', ''), (web.url.replace('https', 'http') + '/kit', 'only https'),
                       (f'ftp://localhost:{web.server_port}/kit', '')):
        done = take(path, '--node', node)
        assert done.returncode and said in done.stderr and not done.stdout, (path, done)


# ---- Postfix, configured by the kit --------------------------------------------------------------------

HOSTS = ('dns', 'contoso', 'postfix')


@pytest.fixture
def network(tmp_path):
    why_not = reason_not_to_run()
    if why_not:
        pytest.skip(why_not)
    network = Network(HOSTS, 'dns')
    zones = {f'{name}.example.': f'@ MX 10 mx\nmx A {network[name].v4}\n' for name in ('contoso', 'postfix')}
    nsd = Nsd(tmp_path / 'nsd', zones, network['dns'].v4, network['dns'].prefix)
    try:
        network.create()
        nsd.start()
        yield network
    finally:
        nsd.stop()
        network.remove()


def settings_of(files, directory, certificate):
    """main.cf of the kit as a dictionary; the other files are written, the partner's own paths filled in."""
    for name, content in files.items():
        if name.startswith('/etc/postfix/') and not name.endswith('main.cf'):
            (directory / name.rsplit('/', 1)[1]).write_text(content.replace('/etc/postfix', str(directory)))
    main = files['/etc/postfix/main.cf'].replace('/etc/postfix/tls/key.pem', str(certificate.key))
    main = main.replace('/etc/postfix/tls/chain.pem', str(certificate.chain)).replace('/etc/postfix', str(directory))
    return dict(line.split(' = ', 1) for line in main.splitlines() if line and not line.startswith('#'))


def test_postfix_forces_tls_both_ways_by_the_kit(tmp_path, instances, network, authority):
    ca = Authority(tmp_path / 'contoso-ca', 'contoso Root')
    contoso = instances(
        tmp_path / 'contoso', 'mx.contoso.example', [('mx', ca.issue('mx.contoso.example'))],
        prefix=network['contoso'].prefix,
        node={'listeners': [{'name': 'mx', 'address': '[::]:25', 'tls': 'starttls'}], 'queue': QUICK_QUEUE,
              'dns': {'servers': [network.nameserver], 'trust_anchor': 'none'}}).start()
    contoso.apply({
        'organisations': [organisation('contoso')],
        'domains': [local_domain('contoso.example', 'contoso', contoso)],
        'connectors': [own_server_by_address('contoso', [network['contoso'].v4]), {
            'name': 'postfix', 'organisation': 'contoso', 'type': 'partner', 'trust': authority.pem,
            'inbound': {'sender_domains': ['postfix.example'], 'certificate_name': 'mx.postfix.example',
                        'restrict_to_certificate': True},
            'outbound': {'recipient_domains': ['postfix.example'], 'tls': 'name',
                         'tls_domain': 'mx.postfix.example'}}]})
    theirs = authority.issue('mx.postfix.example')
    directory = tmp_path / 'pasted'
    directory.mkdir()
    text = contoso.cli('partner', 'kit', '--connector', 'contoso/postfix', '--trust', ca.certificate).stdout
    settings = settings_of(files_of(text), directory, theirs)
    postfix = Postfix(tmp_path / 'postfix', 'mx.postfix.example', {
        'inet_interfaces': 'all', 'smtp_dns_support_level': 'enabled', 'smtp_host_lookup': 'dns',
        'smtpd_relay_restrictions': 'permit_auth_destination, reject', **settings,
    }, network['postfix'].prefix).accept_domain('postfix.example', 'joe').start()
    try:
        both_ways(contoso, postfix, network)
        strangers_are_refused(postfix, network)
    finally:
        postfix.stop()


def both_ways(contoso, postfix, network):
    def submit():
        import smtplib
        with smtplib.SMTP(network['contoso'].v4, 25, 'client.example', timeout=30) as client:
            client.starttls(context=client_context())
            client.sendmail('alice@contoso.example', ['joe@postfix.example'],
                            message('alice@contoso.example', 'joe@postfix.example'))
    network['contoso'].inside(submit)
    wait_for(lambda: postfix.maildir('joe'), 'Postfix to deliver', 60)
    done = subprocess.run([*network['postfix'].prefix, 'sendmail', '-C', str(postfix.conf), '-f', 'joe@postfix.example',
                           'alice@contoso.example'], input='Subject: back\n\nHello.\n', text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    try:
        assert contoso.wait_mail('alice', timeout=60)[0]['Subject'] == 'back'
    except AssertionError:
        raise AssertionError(postfix.log_text()[-3000:]) from None
    assert 'Verified TLS connection established to mx.contoso.example' in postfix.log_text()
    item = contoso.json('trace', '--from', 'joe@postfix.example')[0]
    taken = [e for e in contoso.json('trace', item['id'])['events'] if e['kind'] == 'received'][0]['receipt']
    assert taken['name_matched'] == 'mx.postfix.example' and taken['connector'] == 'postfix'


def strangers_are_refused(postfix, network):
    """Who has not contoso's certificate may not send as contoso, by TLS or without; others may."""
    import smtplib

    def replies(sender, tls):
        with smtplib.SMTP(network['postfix'].v4, 25, 'client.example', timeout=30) as client:
            client.ehlo()
            if tls:
                client.starttls(context=client_context())
                client.ehlo()
            client.mail(sender)
            return client.rcpt('joe@postfix.example')[0]
    assert network['dns'].inside(lambda: replies('alice@contoso.example', True)) == 554
    assert network['dns'].inside(lambda: replies('alice@contoso.example', False)) == 554
    assert network['dns'].inside(lambda: replies('eve@elsewhere.example', True)) == 250
