"""Every way in which a required TLS can fail, outbound and inbound: nothing leaves in clear, nothing gets in, and
queue and trace say why."""
import smtplib
import ssl

import pytest

from certs import self_signed
from oddpeer import OddPeer
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


def old_tls_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers('ALL:@SECLEVEL=0')
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


FAILURES = {
    # name: (behaviour of the peer, lowest level at which it fails, tokens that may be given as the reason)
    'no-starttls': (lambda a, f, t: OddPeer(), 'encrypt', {'no-starttls'}),
    'stripped': (lambda a, f, t: OddPeer(a.issue(HOST), offer=['PIPELINING', 'XXXXXXXX']), 'encrypt', {'no-starttls'}),
    'refused': (lambda a, f, t: OddPeer(a.issue(HOST), starttls='refuse'), 'encrypt', {'starttls-refused'}),
    'garbage': (lambda a, f, t: OddPeer(a.issue(HOST), starttls='garbage'), 'encrypt', {'handshake-failed'}),
    'closed': (lambda a, f, t: OddPeer(a.issue(HOST), starttls='close'), 'encrypt', {'handshake-failed'}),
    'old-tls': (lambda a, f, t: OddPeer(context=old_tls_context(a.issue(HOST))), 'encrypt',
                {'version-too-old', 'handshake-failed'}),
    'injected': (lambda a, f, t: OddPeer(a.issue(HOST), inject='\r\n250 OK'), 'encrypt', {'handshake-failed'}),
    'self-signed': (lambda a, f, t: OddPeer(self_signed(t / 'self', HOST)), 'chain', {'self-signed'}),
    'unknown-ca': (lambda a, f, t: OddPeer(f.issue(HOST)), 'chain', {'untrusted-root', 'missing-intermediate'}),
    'expired': (lambda a, f, t: OddPeer(a.issue(HOST, start='20200101000000Z', end='20210101000000Z', file='old')),
                'chain', {'expired'}),
    'not-yet-valid': (lambda a, f, t: OddPeer(a.issue(HOST, start='20450101000000Z', end='20460101000000Z',
                                                      file='early')), 'chain', {'not-yet-valid'}),
    'client-only': (lambda a, f, t: OddPeer(a.issue(HOST, usage='clientAuth', file='client')), 'chain', {'purpose'}),
    'wrong-name': (lambda a, f, t: OddPeer(a.issue('mx.other.example')), 'name', {'name-mismatch'}),
}
LEVELS = ('none', 'encrypt', 'chain', 'name')


@pytest.mark.sanitized
@pytest.mark.parametrize('failure', FAILURES)
def test_outbound(sender, authority, foreign_authority, tmp_path, failure):
    """One peer, four connectors with the four levels: below the level that fails mail flows, from there on it waits."""
    make, fails_from, tokens = FAILURES[failure]
    peer = make(authority, foreign_authority, tmp_path)
    try:
        sender.apply({
            'organisations': [organisation('ours')],
            'domains': [local_domain('ours.example', 'ours', sender)],
            'connectors': [own_server_by_address('ours')] + [
                outbound_partner('ours', level, f'{level}.{DOMAIN}', [f'127.0.0.1:{peer.port}'], level,
                                 HOST if level == 'name' else None, authority.pem) for level in LEVELS]})
        # First the ones that must not pass, so that whatever reaches the peer in clear is theirs.
        forbidden = [level for level in LEVELS if LEVELS.index(level) >= LEVELS.index(fails_from)]
        for level in forbidden:
            sender.send('a@ours.example', f'secret@{level}.{DOMAIN}')
        for level in forbidden:
            recipient = wait_attempts(sender, f'secret@{level}.{DOMAIN}', 2)
            assert recipient['last_token'] in tokens, (level, recipient)
        assert not {'MAIL', 'RCPT', 'DATA', 'BDAT'} & set(peer.verbs_in_clear()), peer.verbs_in_clear()
        assert peer.messages == []
        for level in forbidden:
            story = sender.json('trace', '--to', f'secret@{level}.{DOMAIN}')[0]
            events = [e for e in sender.json('trace', story['id'])['events'] if e['kind'] == 'deferred']
            assert events and all(e['token'] in tokens for e in events)
            assert all(e['receipt']['required'] == level for e in events)
        for level in set(LEVELS) - set(forbidden):
            sender.send('a@ours.example', f'open@{level}.{DOMAIN}')
        expected = len(LEVELS) - len(forbidden)
        wait_for(lambda: len(peer.messages) == expected, f'{expected} messages that may pass', 60)
        assert all('secret' not in str(envelope) for envelope, _, _ in peer.messages)
    finally:
        peer.close()


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


INBOUND = {
    # name: (certificate, tls, tokens)
    'clear': (lambda a, f, t: None, False, {'tls-required'}),
    'no-client-certificate': (lambda a, f, t: None, True, {'no-client-certificate'}),
    'wrong-name': (lambda a, f, t: a.issue('mx.other.example', file='inother'), True, {'client-name'}),
    'unknown-ca': (lambda a, f, t: f.issue(HOST, file='inforeign'), True, {'untrusted-root', 'missing-intermediate'}),
    'self-signed': (lambda a, f, t: self_signed(t / 'inself', HOST), True, {'self-signed'}),
    'expired': (lambda a, f, t: a.issue(HOST, start='20200101000000Z', end='20210101000000Z', file='inold'), True,
                {'expired'}),
}


@pytest.mark.sanitized
@pytest.mark.parametrize('case', INBOUND)
def test_inbound(receiver, authority, foreign_authority, tmp_path, case):
    make, tls, tokens = INBOUND[case]
    code, text = attempt(receiver, make(authority, foreign_authority, tmp_path), tls)
    assert 500 <= code < 600, (code, text)
    assert attempt(receiver, authority.issue(HOST, file=f'right-{case}'), True) is None, 'the right one must pass'
    assert len(receiver.wait_mail('eve')) == 1
    found = wait_for(lambda: receiver.json('trace', '--outcome', 'refused'), 'the refusal in the trace')
    assert found[0]['last']['token'] in tokens, found


def test_strangers_may_write_but_not_relay(receiver):
    assert attempt(receiver, tls=False, sender='x@elsewhere.example') is None
    code, text = attempt(receiver, sender='x@elsewhere.example', recipient='y@third.example')
    assert code == 550 and b'5.7.64' in text


def test_tls_1_1_is_not_spoken(receiver):
    context = client_context()
    context.set_ciphers('ALL:@SECLEVEL=0')
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    client = smtplib.SMTP('127.0.0.1', receiver.port, timeout=20)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        client.starttls(context=context)
