"""Required TLS where the peer is a real server, and what strangers may do.  Every requirement against every failure:
test_matrix.py."""
import smtplib
import ssl

import pytest

from certs import Authority
from peers import Postfix
from sealpost import client_context
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

DOMAIN = 'partner.example'
HOST = 'mx.partner.example'


@pytest.fixture
def sender(tmp_path, instances, authority):
    """A Sealpost that relays for loopback, with a certificate of its own."""
    return instances(tmp_path / 'sender', 'mx.sender.example', [('mx', authority.issue('mx.sender.example'))],
                     node={'queue': QUICK_QUEUE}).start()


def wait_attempts(instance, address, count):
    def look():
        items = instance.json('queue', 'list', '--recipient', address)
        return items and items[0]['recipients'][0]['attempts'] >= count and items[0]['recipients'][0]
    return wait_for(look, f'{count} attempts for {address}', 60)


def test_a_real_server_without_tls_gets_nothing(sender, tmp_path, authority):
    postfix = Postfix(tmp_path / 'postfix', HOST, {'smtpd_tls_security_level': 'none'}).accept_domain(DOMAIN, 'joe')
    postfix.start()
    try:
        sender.apply({
            'organisations': [organisation('ours')],
            'domains': [local_domain('ours.example', 'ours', sender)],
            'connectors': [own_server_by_address('ours'),
                           outbound_partner('ours', 'partner', DOMAIN, [f'127.0.0.1:{postfix.port}'], 'encrypt')]})
        sender.send('a@ours.example', f'joe@{DOMAIN}')
        assert wait_attempts(sender, f'joe@{DOMAIN}', 2)['last_token'] == 'no-starttls'
        assert not postfix.maildir('joe')
        counted = [p['stats']['unmet_by'] for p in sender.json('status')['processes'] if p['role'] == 'deliver']
        assert sum(unmet.get('no-starttls', 0) for unmet in counted) >= 2 and 'name-mismatch' not in counted[0]
        assert 'no-starttls' in sender.cli('status').stdout
    finally:
        postfix.stop()


# ---- inbound -------------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver(tmp_path, instances, authority):
    """A Sealpost that takes mail from partner.example only with partner.example's certificate."""
    receiver = instances(tmp_path / 'receiver', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))]).start()
    receiver.apply({
        'organisations': [organisation('ours')],
        'domains': [local_domain('ours.example', 'ours', receiver)],
        'connectors': [{'name': 'partner', 'organisation': 'ours', 'type': 'partner', 'trust': authority.pem,
                        'inbound': {'sender_domains': [DOMAIN], 'require_tls': True, 'certificate_name': HOST,
                                    'restrict_to_certificate': True}}]})
    return receiver


def attempt(receiver, certificate=None, tls=True, sender=f'joe@{DOMAIN}', recipient='eve@ours.example'):
    """(code, text) of the first refusal, or None when the message was accepted."""
    try:
        with receiver.smtp(tls=tls, certificate=certificate) as client:
            client.sendmail(sender, [recipient], 'Subject: x\r\n\r\nx')
        return None
    except smtplib.SMTPRecipientsRefused as refusal:
        return refusal.recipients[recipient]
    except smtplib.SMTPResponseException as refusal:
        return refusal.smtp_code, refusal.smtp_error


def test_strangers_may_write_but_not_relay(receiver):
    assert attempt(receiver, tls=False, sender='x@elsewhere.example') is None
    code, text = attempt(receiver, sender='x@elsewhere.example', recipient='y@third.example')
    assert code == 550 and b'5.7.64' in text


def test_a_root_taken_from_the_trust_store_counts_no_more(tmp_path, instances, authority, foreign_authority):
    """Also for a connector that has revocation lists beside the system's roots."""
    own = Authority(tmp_path / 'own', 'A Root For A While')
    roots = tmp_path / 'roots.pem'
    roots.write_text(own.pem)
    receiver = instances(tmp_path / 'receiver', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                         node={'roots': str(roots)}).start()
    receiver.apply({
        'organisations': [organisation('ours')],
        'domains': [local_domain('ours.example', 'ours', receiver)],
        'connectors': [{'name': 'partner', 'organisation': 'ours', 'type': 'partner', 'crls': own.crl(),
                        'inbound': {'sender_domains': [DOMAIN], 'certificate_name': HOST,
                                    'restrict_to_certificate': True}}]})
    certificate = own.issue(HOST)
    assert attempt(receiver, certificate) is None
    roots.write_text(foreign_authority.pem)
    receiver.cli('reload')
    code, text = attempt(receiver, certificate)
    assert code == 550 and b'5.7.51' in text, text


def test_tls_1_1_is_not_spoken(receiver):
    context = client_context()
    context.set_ciphers('ALL:@SECLEVEL=0')
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    client = smtplib.SMTP('127.0.0.1', receiver.port, timeout=20)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        client.starttls(context=context)
