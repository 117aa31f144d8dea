"""Postfix, Dovecot, NSD and the usual client programs."""
import contextlib
import shutil
import subprocess

import pytest

from peers import Dovecot, Nsd, Postfix
from sealpost import client_context, free_port
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for


@pytest.fixture
def ours(tmp_path, instances, authority):
    return instances(tmp_path / 'ours', 'mx.ours.example',
                     [('mx', authority.issue('mx.ours.example')),
                      ('rsa', authority.issue('mx.ours.example', key='rsa2048', file='rsa'))],
                     node={'queue': QUICK_QUEUE}).start()


def test_postfix_both_ways_with_client_certificates(ours, tmp_path, authority):
    theirs = authority.issue('mx.postfix.example')
    postfix = Postfix(tmp_path / 'postfix', 'mx.postfix.example', {
        'smtpd_tls_security_level': 'encrypt',
        'smtpd_tls_chain_files': f'{theirs.key}, {theirs.chain}',
        'smtpd_tls_CAfile': authority.certificate,
        'smtpd_tls_req_ccert': 'yes',  # nobody without a trusted client certificate
        'smtp_tls_security_level': 'secure',
        'smtp_tls_secure_cert_match': 'mx.ours.example',
        'smtp_tls_chain_files': f'{theirs.key}, {theirs.chain}',
        'smtp_tls_CAfile': authority.certificate,
        'transport_maps': f'inline:{{ours.example=smtp:[127.0.0.1]:{ours.port}}}',
    }).accept_domain('postfix.example', 'joe').start()
    try:
        ours.apply({
            'organisations': [organisation('ours')],
            'domains': [local_domain('ours.example', 'ours', ours)],
            'connectors': [own_server_by_address('ours', ['127.0.0.2']), {
                'name': 'postfix', 'organisation': 'ours', 'type': 'partner', 'trust': authority.pem,
                'inbound': {'sender_domains': ['postfix.example'], 'require_tls': True,
                            'certificate_name': 'mx.postfix.example', 'restrict_to_certificate': True},
                'outbound': {'recipient_domains': ['postfix.example'], 'smart_hosts': [f'127.0.0.1:{postfix.port}'],
                             'tls': 'name', 'tls_domain': 'mx.postfix.example', 'certificate': 'mx'}}]})
        submit_to_postfix(postfix, 'joe@postfix.example', 'eve@ours.example')
        received = ours.wait_mail('eve')[0]
        assert 'mx.postfix.example' in received['Received']

        ours.cli('explain', '--from', 'eve@ours.example', '--to', 'joe@postfix.example', '--ip', '127.0.0.2')
        send_from(ours, '127.0.0.2', 'eve@ours.example', 'joe@postfix.example')
        wait_for(lambda: postfix.maildir('joe'), 'Postfix to deliver', 60)
        assert 'Trusted TLS connection established from' in postfix.log_text()
    finally:
        postfix.stop()


def submit_to_postfix(postfix, sender, recipient):
    """By the sendmail program: a client without certificate could not use the port."""
    done = subprocess.run(['sendmail', '-C', str(postfix.conf), '-f', sender, recipient],
                          input='Subject: from Postfix\n\nHello.\n', text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


def send_from(instance, source, sender, recipient):
    import smtplib
    with smtplib.SMTP('127.0.0.1', instance.port, 'client.example', timeout=30, source_address=(source, 0)) as client:
        client.starttls(context=client_context())
        client.sendmail(sender, [recipient], f'From: {sender}\r\nTo: {recipient}\r\nSubject: x\r\n\r\nHello\r\n')


@pytest.mark.parametrize('way', ['tcp', 'unix'])
def test_dovecot_lmtp(ours, tmp_path, way):
    dovecot = Dovecot(tmp_path / 'dovecot').start()
    try:
        target = f'lmtp:127.0.0.1:{dovecot.port}' if way == 'tcp' else f'lmtp:unix:{dovecot.socket}'
        ours.apply({'organisations': [organisation('ours')],
                    'domains': [{'name': 'ours.example', 'organisation': 'ours', 'delivery': target}]})
        ours.send('x@elsewhere.example', ['eve@ours.example', 'joe@ours.example'])
        for local in ('eve', 'joe'):
            wait_for(lambda: dovecot.messages(local), f'mail for {local}')
    finally:
        dovecot.stop()


ZONES = {
    'two.example.': '@ MX 10 dead\n@ MX 20 live\ndead A 127.0.0.9\nlive A 127.0.0.1\n',
    'null.example.': '@ MX 0 .\n',
    'implicit.example.': '@ A 127.0.0.1\n',
    'six.example.': '@ MX 10 mx\nmx AAAA ::1\n',
    'nothing.example.': 'www TXT "no mail here"\n',
}


@pytest.fixture
def resolved(tmp_path, instances, authority):
    """A Sealpost that resolves through NSD, and a Postfix that listens where all MX hosts point to."""
    with contextlib.ExitStack() as ending:
        nsd = Nsd(tmp_path / 'nsd', ZONES)
        ending.callback(nsd.stop)
        nsd.start()
        postfix = Postfix(tmp_path / 'postfix', 'live.two.example', {
            'inet_interfaces': '127.0.0.1, ::1', 'inet_protocols': 'all', 'mynetworks': '127.0.0.0/8 [::1]/128',
            'virtual_mailbox_domains': 'two.example, implicit.example, six.example',
            'virtual_mailbox_maps': 'static:joe/'})
        postfix.port = free_port()
        postfix.start()
        ending.callback(postfix.stop)
        ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                         node={'queue': QUICK_QUEUE, 'ports': {'smtp': postfix.port},
                               'dns': {'servers': [f'127.0.0.1@{nsd.port}'], 'trust_anchor': 'none'}}).start()
        ours.apply({'organisations': [organisation('ours', None)],
                    'domains': [local_domain('ours.example', 'ours', ours)],
                    'connectors': [own_server_by_address('ours')]})
        yield ours, postfix


@pytest.mark.parametrize('domain', ['two.example', 'implicit.example'])
def test_mx(resolved, domain):
    ours, postfix = resolved
    ours.send('eve@ours.example', f'joe@{domain}')
    wait_for(lambda: postfix.maildir('joe'), f'mail at {domain}', 60)


def test_null_mx_returns_at_once(resolved):
    ours, _ = resolved
    ours.send('eve@ours.example', 'joe@null.example')
    bounce = ours.wait_mail('eve')[0]
    assert bounce.get_content_type() == 'multipart/report' and '5.1.10' in bounce.as_string()


@pytest.mark.parametrize('domain', ['nothing.example', 'missing.nothing.example'])
def test_a_domain_without_mail_hosts_returns_at_once(resolved, domain):
    ours, _ = resolved
    ours.send('eve@ours.example', f'joe@{domain}')
    bounce = ours.wait_mail('eve')[0].as_string()
    assert 'Action: failed' in bounce and 'Status: 5.' in bounce


def has_ipv6():
    import socket
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(('::1', 0))
        return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason='this machine has no IPv6 loopback')
def test_ipv6(resolved):
    ours, postfix = resolved
    ours.send('eve@ours.example', 'joe@six.example')
    wait_for(lambda: 'sending from ::1' in ours.log_text() or postfix.maildir('joe') or
             ours.json('queue', 'list')[0]['recipients'][0]['attempts'], 'an attempt', 60)
    receipt = [e for i in ours.json('trace', '--to', 'joe@six.example')
               for e in ours.json('trace', i['id'])['events'] if e['kind'] in ('delivered', 'relayed', 'deferred')]
    assert receipt[0]['receipt']['peer_address'] == '::1'


# ---- client programs ------------------------------------------------------------------------------------------------


@pytest.fixture
def open_house(ours, tmp_path):
    ours.apply({'organisations': [organisation('ours')], 'domains': [local_domain('ours.example', 'ours', ours)]})
    return ours


def program(*command, input=None):
    if not shutil.which(command[0]):
        pytest.fail(f'{command[0]} is not installed')
    return subprocess.run([*map(str, command)], input=input, capture_output=True, text=True, timeout=60)


def test_swaks(open_house):
    done = program('swaks', '--server', '127.0.0.1', '--port', open_house.port, '--tls', '--from', 'a@elsewhere.example',
                   '--to', 'eve@ours.example', '--ehlo', 'client.example')
    assert done.returncode == 0, done.stdout + done.stderr
    assert open_house.wait_mail('eve')


def test_curl(open_house, tmp_path):
    mail = tmp_path / 'mail'
    mail.write_text('Subject: by curl\r\n\r\nHello.\r\n')
    done = program('curl', '-sS', '--ssl-reqd', '-k', f'smtp://127.0.0.1:{open_house.port}/client.example',
                   '--mail-from', 'a@elsewhere.example', '--mail-rcpt', 'eve@ours.example', '-T', mail)
    assert done.returncode == 0, done.stderr
    assert open_house.wait_mail('eve')[0]['Subject'] == 'by curl'


def test_openssl_s_client_sees_both_kinds_of_certificate(open_house):
    for algorithms, kind in (('ecdsa_secp256r1_sha256', 'id-ecPublicKey'), ('rsa_pss_rsae_sha256', 'rsaEncryption')):
        done = program('openssl', 's_client', '-starttls', 'smtp', '-connect', f'127.0.0.1:{open_house.port}',
                       '-servername', 'mx.ours.example', '-sigalgs', algorithms, input='QUIT\r\n')
        text = program('openssl', 'x509', '-noout', '-text', input=done.stdout[done.stdout.index('-----BEGIN'):]).stdout
        assert kind in text, done.stdout + done.stderr


def test_openssl_tls_1_2_has_forward_secrecy_only(open_house):
    good = program('openssl', 's_client', '-starttls', 'smtp', '-connect', f'127.0.0.1:{open_house.port}', '-tls1_2',
                   input='QUIT\r\n')
    assert 'ECDHE' in good.stdout and 'TLSv1.2' in good.stdout
    bad = program('openssl', 's_client', '-starttls', 'smtp', '-connect', f'127.0.0.1:{open_house.port}', '-tls1_2',
                  '-cipher', 'AES256-GCM-SHA384:AES128-GCM-SHA256:AES128-SHA', input='QUIT\r\n')
    assert 'Cipher is (NONE)' in bad.stdout or bad.returncode != 0


def test_gnutls(open_house, authority):
    done = program('gnutls-cli', '--starttls-proto=smtp', f'--x509cafile={authority.certificate}',
                   '--verify-hostname=mx.ours.example', '-p', open_house.port, '127.0.0.1', input='QUIT\r\n')
    assert done.returncode == 0 and 'Handshake was completed' in done.stdout, done.stdout + done.stderr
