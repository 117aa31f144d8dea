"""Whether a partner's certificate is revoked: asked by the lookup process while the session waits, both ways, and sent
along with our own.  The authority's servers misbehave on demand."""
import os
import signal
import smtplib
import subprocess
import time

import pytest

from certs import Authority
from revocation_server import RevocationServer
from sealpost import free_port
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

DOMAIN = 'partner.example'
HOST = 'mx.partner.example'
NODE = {'fetch': {'allow': ['127.0.0.0/8'], 'wait': '2s', 'timeout': '2s'}, 'queue': QUICK_QUEUE}


class Pki:
    """A root and an authority below it, both with a server for lists and OCSP."""

    def __init__(self, directory):
        self.server = RevocationServer()
        self.root = Authority(directory / 'root', 'Root', endpoints=self.server.endpoints('root'))
        self.ca = Authority(directory / 'ca', 'Issuer', parent=self.root, endpoints=self.server.endpoints('ca'))
        self.server.serve('root', self.root)
        self.server.serve('ca', self.ca)

    def break_issuer(self, conduct):
        for path in ('/ca.ocsp', '/ca.crl'):
            self.server.conduct[path] = conduct

    def revoke_issuer(self):
        self.root.revoke(type('Issuer', (), {'leaf': self.ca.certificate}))


@pytest.fixture
def pki(tmp_path):
    pki = Pki(tmp_path / 'pki')
    yield pki
    pki.server.close()


@pytest.fixture
def receiver(tmp_path, instances, authority):
    return instances(tmp_path / 'receiver', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node=NODE).start()


def expect_certificate(receiver, pki, revocation):
    receiver.apply({
        'organisations': [organisation('ours')],
        'domains': [local_domain('ours.example', 'ours', receiver)],
        'connectors': [{'name': 'partner', 'organisation': 'ours', 'type': 'partner', 'trust': pki.root.pem,
                        'revocation': revocation,
                        'inbound': {'sender_domains': [DOMAIN], 'require_tls': True, 'certificate_name': HOST,
                                    'restrict_to_certificate': True}}]})


def attempt(receiver, certificate=None, sender=f'joe@{DOMAIN}'):
    """The text of the refusal, or None when the message was accepted."""
    try:
        with receiver.smtp(certificate=certificate) as client:
            client.sendmail(sender, ['eve@ours.example'], 'Subject: x\r\n\r\nx')
        return None
    except smtplib.SMTPRecipientsRefused as refusal:
        return refusal.recipients['eve@ours.example'][1].decode()


def test_in_by_what_the_issuer_says(receiver, pki):
    """Modes, and what is found out about the leaf."""
    good, revoked = pki.ca.issue(HOST, file='good'), pki.ca.issue(HOST, file='revoked')
    pki.ca.revoke(revoked)
    for mode in ('require', 'prefer', 'off'):
        expect_certificate(receiver, pki, mode)
        assert attempt(receiver, good) is None, mode
        text = attempt(receiver, revoked)
        assert (text is None) if mode == 'off' else 'revoked' in text, (mode, text)
    pki.break_issuer('broken')
    unknown = pki.ca.issue(HOST, file='unknown')
    expect_certificate(receiver, pki, 'prefer')
    assert attempt(receiver, unknown) is None
    expect_certificate(receiver, pki, 'require')
    assert 'is not known' in attempt(receiver, unknown)


def test_in_with_a_revoked_intermediate(receiver, pki):
    certificate = pki.ca.issue(HOST)
    pki.revoke_issuer()
    expect_certificate(receiver, pki, 'prefer')
    assert 'revoked' in attempt(receiver, certificate)


def test_in_while_an_authority_is_silent(receiver, pki):
    """The session waits as long as it may; no other session does."""
    certificate = pki.ca.issue(HOST)
    pki.break_issuer('stall')
    expect_certificate(receiver, pki, 'prefer')
    with receiver.smtp(certificate=certificate) as waiting:
        waiting.docmd('MAIL', f'FROM:<joe@{DOMAIN}>')
        began = time.monotonic()
        waiting.putcmd('RCPT', 'TO:<eve@ours.example>')
        assert attempt(receiver, sender='x@elsewhere.example') is None
        others = time.monotonic() - began
        code, text = waiting.getreply()
        waited = time.monotonic() - began
        assert code == 250, text
    pki.server.release()
    assert others < waited < 10, (others, waited)


@pytest.fixture
def far(tmp_path, instances, pki):
    """The partner's server, with a certificate that names a responder."""
    far = instances(tmp_path / 'far', HOST, [('mx', pki.ca.issue(HOST))], node=NODE).start()
    far.apply({'organisations': [organisation('far')], 'domains': [local_domain(DOMAIN, 'far', far)]})
    return far


@pytest.fixture
def sender(tmp_path, instances, authority):
    return instances(tmp_path / 'sender', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node=NODE).start()


def demand(sender, far, pki, revocation):
    partner = outbound_partner('ours', 'partner', DOMAIN, [f'127.0.0.1:{far.port}'], 'name', HOST, pki.root.pem)
    sender.apply({
        'organisations': [organisation('ours')],
        'domains': [local_domain('ours.example', 'ours', sender)],
        'connectors': [own_server_by_address('ours'), {**partner, 'revocation': revocation}]})


def last_token(sender):
    items = sender.json('queue', 'list', '--recipient', f'joe@{DOMAIN}')
    return items and items[0]['recipients'][0].get('last_token')


def test_out_by_what_the_server_sends_along(sender, far, pki):
    """A stapled answer is enough where the responder does not answer us."""
    wait_for(lambda: 'staple.fresh' in far.log_text(), 'an OCSP answer for stapling')
    pki.break_issuer('broken')
    demand(sender, far, pki, 'require')
    sender.send('a@ours.example', f'joe@{DOMAIN}')
    far.wait_mail('joe')
    steps = sender.cli('connector', 'test', 'ours/partner', '--json', '--to', f'joe@{DOMAIN}', check=False).stdout
    assert 'stapled' in steps, steps


def test_the_admin_center_sends_it_along(tmp_path, instances, pki):
    """HTTPS as SMTP: an answer of the responder is stapled; none when the certificate names no responder that answers."""
    port = free_port()
    ours = instances(tmp_path / 'ours', HOST, [('mx', pki.ca.issue(HOST))],
                     node={**NODE, 'admin': {'listen': f'127.0.0.1:{port}'}}).start()

    def status(more=()):
        return subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{port}', '-status', '-CAfile',
                               pki.root.certificate, *more], input='', capture_output=True, text=True, timeout=60).stdout

    wait_for(lambda: 'OCSP Response Status: successful' in status(), 'an OCSP answer with the handshake', 60)
    for version in '-tls1_2', '-tls1_3':
        said = status([version])
        assert 'Cert Status: good' in said and 'Verify return code: 0 (ok)' in said, said
    pki.break_issuer('broken')
    before = ours.pid_of('web')
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: ours.pid_of('web') not in (None, before), 'another process', 60)
    # lookup has kept what it fetched: the new one has it at once.
    wait_for(lambda: 'Cert Status: good' in status(), 'the answer to be there again', 60)


@pytest.mark.parametrize('mode', ['prefer', 'require'])
def test_out_to_a_revoked_server(sender, far, pki, mode):
    pki.revoke_issuer()
    demand(sender, far, pki, mode)
    sender.send('a@ours.example', f'joe@{DOMAIN}')
    wait_for(lambda: last_token(sender) == 'revoked', 'a refusal')
    assert not far.maildir('joe')


def test_out_where_nothing_is_known(sender, far, pki):
    for path in ('/root.ocsp', '/root.crl'):
        pki.server.conduct[path] = 'not-found'
    demand(sender, far, pki, 'require')
    sender.send('a@ours.example', f'joe@{DOMAIN}')
    wait_for(lambda: last_token(sender) == 'revocation-unknown', 'a refusal')
    assert not far.maildir('joe')
    demand(sender, far, pki, 'prefer')
    far.wait_mail('joe')


# ---- trust -----------------------------------------------------------------------------------------------------------


def test_out_an_organisation_that_drops_a_root(sender, far, pki, foreign_authority):
    """Its connectors without anchors of their own follow, also where a TLS session could be resumed."""
    def demand_by(trust):
        partner = outbound_partner('ours', 'partner', DOMAIN, [f'127.0.0.1:{far.port}'], 'name', HOST)
        sender.apply({
            'organisations': [organisation('ours', trust=trust)],
            'domains': [local_domain('ours.example', 'ours', sender)],
            'connectors': [own_server_by_address('ours'), {**partner, 'revocation': 'off'}]})

    demand_by(pki.root.pem)
    for count in (1, 2):
        sender.send('a@ours.example', f'joe@{DOMAIN}')
        far.wait_mail('joe', count)
    demand_by(foreign_authority.pem)
    sender.send('a@ours.example', f'joe@{DOMAIN}')
    wait_for(lambda: last_token(sender) == 'untrusted-root', 'a refusal')
    assert len(far.maildir('joe')) == 2
    demand_by(pki.root.pem)
    far.wait_mail('joe', 3)


def test_in_an_organisation_that_drops_a_root(receiver, pki, foreign_authority):
    certificate = pki.ca.issue(HOST)
    for trust, passes in ((pki.root.pem, True), (foreign_authority.pem, False), (pki.root.pem, True)):
        receiver.apply({
            'organisations': [organisation('ours', trust=trust)],
            'domains': [local_domain('ours.example', 'ours', receiver)],
            'connectors': [{'name': 'partner', 'organisation': 'ours', 'type': 'partner', 'revocation': 'require',
                            'inbound': {'sender_domains': [DOMAIN], 'certificate_name': HOST,
                                        'restrict_to_certificate': True}}]})
        assert (attempt(receiver, certificate) is None) == passes, trust
