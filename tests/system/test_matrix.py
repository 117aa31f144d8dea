"""Every requirement against every way to fail it, enforced and reported, in both directions, with real TLS.

What must happen is worked out from what each peer is (FACTS), not listed cell by cell.  An enforced requirement that
is not met: nothing leaves, in clear or otherwise, and queue and trace say why.  Reported: mail flows, and the trace says
what would have happened."""
import smtplib
import ssl

import pytest

from certs import Authority, self_signed, spki_pin
from oddpeer import OddPeer
from sealpost import client_context
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

DOMAIN = 'partner.example'
HOST = 'mx.partner.example'
MODES = ('enforce', 'report')
PAST = {'start': '20200101000000Z', 'end': '20210101000000Z'}
FUTURE = {'start': '20450101000000Z', 'end': '20460101000000Z'}


class Pki:
    """Certificates of the peers, made once."""

    def __init__(self, directory):
        self.directory = directory
        self.root = Authority(directory / 'root', 'Matrix Root')
        self.silent = Authority(directory / 'silent', 'Matrix Root Without A List')
        self.foreign = Authority(directory / 'foreign', 'Matrix Foreign Root')
        self.good = self.root.issue(HOST, file='good')
        self.revoked = self.root.issue(HOST, file='revoked')
        self.root.revoke(self.revoked)
        self.pin = spki_pin(self.good)
        self.trust = self.root.pem + self.silent.pem
        self.crls = self.root.crl()


@pytest.fixture(scope='module')
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp('matrix'))


def context_of(certificate, newest=None, oldest=None, curve=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if oldest and oldest < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers('ALL:@SECLEVEL=0')
    if oldest:
        context.minimum_version = oldest
    if newest:
        context.maximum_version = newest
    if curve:
        context.set_ecdh_curve(curve)
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


# ---- outbound ------------------------------------------------------------------------------------------------------

NO_TLS = {'no-starttls'}
FAILED = {'handshake-failed'}


def peer_of(make, **facts):
    """FACTS: tls: tokens of a missing TLS; chain: tokens of a bad chain; named, pinned, modern, p384: booleans."""
    return make, {'tls': set(), 'chain': set(), 'named': True, 'pinned': False, 'modern': True, 'p384': True, **facts}


def clear(**behaviour):
    return lambda p: OddPeer(p.good, **behaviour)


def with_certificate(make):
    return lambda p: OddPeer(make(p))


PEERS = {
    'good': peer_of(lambda p: OddPeer(p.good), pinned=True),
    'no-starttls': peer_of(lambda p: OddPeer(), tls=NO_TLS),
    'stripped': peer_of(clear(offer=['PIPELINING', 'XXXXXXXX']), tls=NO_TLS),
    'refused': peer_of(clear(starttls='refuse'), tls={'starttls-refused'}),
    'garbage': peer_of(clear(starttls='garbage'), tls=FAILED),
    'closed': peer_of(clear(starttls='close'), tls=FAILED),
    'injected': peer_of(clear(inject='\r\n250 OK'), tls=FAILED),
    'old-tls': peer_of(lambda p: OddPeer(context=context_of(p.good, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1)),
                       tls=FAILED | {'version-too-old'}),
    # In TLS 1.2 the groups of the client bound the curve of an ECDSA certificate as well (RFC 8422 5.1).
    'tls-1.2': peer_of(lambda p: OddPeer(context=context_of(p.good, ssl.TLSVersion.TLSv1_2)), pinned=True, modern=False,
                       p384=False),
    'p-256-only': peer_of(lambda p: OddPeer(context=context_of(p.good, curve='prime256v1')), pinned=True, p384=False),
    'self-signed': peer_of(with_certificate(lambda p: self_signed(p.directory / 'self', HOST)), chain={'self-signed'}),
    'unknown-ca': peer_of(with_certificate(lambda p: p.foreign.issue(HOST)),
                          chain={'untrusted-root', 'missing-intermediate'}),
    'expired': peer_of(with_certificate(lambda p: p.root.issue(HOST, file='old', **PAST)), chain={'expired'}),
    'not-yet-valid': peer_of(with_certificate(lambda p: p.root.issue(HOST, file='early', **FUTURE)),
                             chain={'not-yet-valid'}),
    'client-only': peer_of(with_certificate(lambda p: p.root.issue(HOST, usage='clientAuth', file='client')),
                           chain={'purpose'}),
    'wrong-name': peer_of(with_certificate(lambda p: p.root.issue('mx.other.example', file='other')), named=False),
    'revoked': peer_of(lambda p: OddPeer(p.revoked), chain={'revoked'}),
    'no-list': peer_of(with_certificate(lambda p: p.silent.issue(HOST, file='unlisted')), unlisted=True),
}

ONCE_MORE = ('good', 'injected', 'revoked')  # with sanitizers, too

# What a connector asks: properties of it, properties of its outbound half.
DEMANDS = {
    'none': ({}, {'tls': 'none'}),
    'encrypt': ({}, {'tls': 'encrypt'}),
    'chain': ({}, {'tls': 'chain'}),
    'name': ({}, {'tls': 'name', 'tls_domain': HOST}),
    'pin': ({}, {'tls': 'encrypt', 'pins': None}),
    'tls13': ({'minimum_version': '1.3'}, {'tls': 'encrypt'}),
    'group': ({'groups': ['secp384r1']}, {'tls': 'encrypt'}),
    'revocation': ({'revocation': 'require'}, {'tls': 'chain'}),
}


def unmet(demand, facts):
    """The tokens by which this demand fails with such a peer; empty: it is met."""
    if demand == 'none':
        return set()
    if facts['tls']:
        return facts['tls']
    if demand in ('chain', 'name', 'revocation') and facts['chain']:
        return facts['chain']
    return {
        'name': set() if facts['named'] else {'name-mismatch'},
        'pin': set() if facts['pinned'] else {'pin-mismatch'},
        'tls13': set() if facts['modern'] else {'version-too-old'} | FAILED,
        'group': set() if facts['p384'] else {'group-not-allowed'} | FAILED,
        'revocation': {'revocation-unknown'} if facts.get('unlisted') else set(),
    }.get(demand, set())


def connector(pki, peer, demand, mode):
    top, half = DEMANDS[demand]
    half = {k: [pki.pin] if k == 'pins' else v for k, v in half.items()}
    level = half.pop('tls')
    made = outbound_partner('ours', f'{demand}-{mode}', f'{demand}-{mode}.{DOMAIN}', [f'127.0.0.1:{peer.port}'], level,
                            half.pop('tls_domain', None), pki.trust, mode=mode, **half)
    return {**made, 'crls': pki.crls, **top}


def address(kind, demand, mode):
    return f'{kind}@{demand}-{mode}.{DOMAIN}'


@pytest.fixture
def sender(tmp_path, instances, authority):
    return instances(tmp_path / 'sender', 'mx.sender.example', [('mx', authority.issue('mx.sender.example'))],
                     node={'queue': QUICK_QUEUE}).start()


def wait_attempts(instance, recipient, count):
    def look():
        items = instance.json('queue', 'list', '--recipient', recipient)
        return items and items[0]['recipients'][0]['attempts'] >= count and items[0]['recipients'][0]
    return wait_for(look, f'{count} attempts for {recipient}', 60)


@pytest.mark.parametrize('name', [pytest.param(name, marks=pytest.mark.sanitized if name in ONCE_MORE else ())
                                  for name in PEERS])
def test_outbound(sender, pki, name):
    make, facts = PEERS[name]
    peer = make(pki)
    cells = [(d, m) for d in DEMANDS for m in MODES]
    forbidden = [(d, m) for d, m in cells if m == 'enforce' and unmet(d, facts)]
    try:
        sender.apply({'organisations': [organisation('ours')],
                      'domains': [local_domain('ours.example', 'ours', sender)],
                      'connectors': [own_server_by_address('ours')] +
                                    [connector(pki, peer, d, m) for d, m in cells]})
        # First those that must not pass, so that whatever reaches the peer in clear is theirs.
        for demand, mode in forbidden:
            sender.send('a@ours.example', address('secret', demand, mode))
        for demand, mode in forbidden:
            recipient = wait_attempts(sender, address('secret', demand, mode), 2)
            assert recipient['last_token'] in unmet(demand, facts), (demand, recipient)
        assert not {'MAIL', 'RCPT', 'DATA', 'BDAT'} & set(peer.verbs_in_clear()), peer.verbs_in_clear()
        assert peer.messages == []
        for demand, mode in forbidden:
            check_deferred(sender, address('secret', demand, mode), unmet(demand, facts))
        check_flow(sender, peer, facts, [cell for cell in cells if cell not in forbidden])
    finally:
        peer.close()


def check_deferred(sender, recipient, tokens):
    story = sender.json('trace', '--to', recipient)[0]
    events = [e for e in sender.json('trace', story['id'])['events'] if e['kind'] == 'deferred']
    assert events and all(e['token'] in tokens for e in events), events
    assert all(e['receipt']['required'] != 'none' for e in events), events


def check_flow(sender, peer, facts, cells):
    """Mail of these cells arrives; where the demand is only reported and unmet, the trace says so."""
    for demand, mode in cells:
        sender.send('a@ours.example', address('open', demand, mode))
    wait_for(lambda: len(peer.messages) == len(cells), f'{len(cells)} messages that may pass', 60)
    assert all('secret' not in str(envelope) for envelope, _, _ in peer.messages)
    for demand, mode in cells:
        tokens = unmet(demand, facts)
        receipt = wait_for(lambda: delivery_receipt(sender, address('open', demand, mode)), f'{demand} {mode} to end')
        assert (receipt['would_token'] in tokens) if tokens else receipt['would_token'] is None, (demand, mode, receipt)
        if facts['tls']:
            assert receipt['version'] is None and (mode == 'report' or demand == 'none'), (demand, mode, receipt)
        else:
            assert receipt['version'], (demand, mode, receipt)


def delivery_receipt(sender, recipient):
    stories = sender.json('trace', '--to', recipient)
    if not stories:
        return None
    events = sender.json('trace', stories[0]['id'])['events']
    return next((e['receipt'] for e in events if e['kind'] in ('delivered', 'relayed')), None)


# ---- inbound -------------------------------------------------------------------------------------------------------

CERTIFICATE = {'certificate_name': HOST, 'restrict_to_certificate': True}
# Properties of the connector, of its inbound half.
ASKED = {
    'tls': ({}, {}),
    'certificate': ({}, CERTIFICATE),
    'server-usage': ({}, {**CERTIFICATE, 'usage': 'client-or-server'}),
    'any-usage': ({}, {**CERTIFICATE, 'usage': 'any'}),
    'pin': ({}, {**CERTIFICATE, 'pins': None}),
    'revocation': ({'revocation': 'require'}, CERTIFICATE),
    'tls13': ({'minimum_version': '1.3'}, {}),
    'group': ({'groups': ['secp521r1']}, {}),
    'address': ({}, {'restrict_to_addresses': True, 'addresses': ['192.0.2.1']}),
}


def client(make=None, **facts):
    return make, {'tls': True, 'modern': True, 'name': True, 'chain': set(), 'usage': 'both', 'pinned': False, **facts}


CLIENTS = {
    'good': client(lambda p: p.good, pinned=True),
    'clear': client(tls=False),
    'without': client(),
    'tls-1.2': client(lambda p: p.good, pinned=True, modern=False),
    'wrong-name': client(lambda p: p.root.issue('mx.other.example', file='inother'), name=False),
    'unknown-ca': client(lambda p: p.foreign.issue(HOST, file='inforeign'),
                         chain={'untrusted-root', 'missing-intermediate'}),
    'self-signed': client(lambda p: self_signed(p.directory / 'inself', HOST), chain={'self-signed'}),
    'expired': client(lambda p: p.root.issue(HOST, file='inold', **PAST), chain={'expired'}),
    'not-yet-valid': client(lambda p: p.root.issue(HOST, file='inearly', **FUTURE), chain={'not-yet-valid'}),
    'revoked': client(lambda p: p.revoked, chain={'revoked'}),
    'no-list': client(lambda p: p.silent.issue(HOST, file='inunlisted'), unlisted=True),
    'server-only': client(lambda p: p.root.issue(HOST, usage='serverAuth', file='inserver'), usage='server'),
}


def refused_by(asked, make, facts):
    """The tokens by which such a client is refused; empty: it is not."""
    if asked == 'address':
        return {'address-not-allowed'}
    if not facts['tls']:
        return {'tls-required'}
    if asked == 'tls13':
        return set() if facts['modern'] else {'version-too-old'}
    if asked == 'group':
        return {'group-not-allowed'}
    if asked == 'tls':
        return set()
    if make is None:
        return {'no-client-certificate'}
    if not facts['name']:
        return {'client-name'}
    if facts['chain']:
        return facts['chain']
    if facts['usage'] == 'server' and asked not in ('server-usage', 'any-usage'):
        return {'purpose'}
    if asked == 'revocation' and facts.get('unlisted'):
        return {'revocation-unknown'}
    return {'pin-mismatch'} if asked == 'pin' and not facts['pinned'] else set()


UNMET = {'enforce': (5, 'refuse'), 'defer': (4, 'defer'), 'report': (2, 'refuse')}


def partner(pki, asked, how):
    top, half = ASKED[asked]
    half = {k: [pki.pin] if k == 'pins' else v for k, v in half.items()}
    return {'name': f'{asked}-{how}', 'organisation': 'ours', 'type': 'partner', 'trust': pki.trust, 'crls': pki.crls,
            **top, 'inbound': {'sender_domains': [f'{asked}-{how}.{DOMAIN}'], 'require_tls': True,
                               'mode': 'report' if how == 'report' else 'enforce', 'when_unmet': UNMET[how][1], **half}}


def attempt(receiver, context, sender):
    """Reply code to RCPT, or 250 and the message was sent."""
    with smtplib.SMTP('127.0.0.1', receiver.port, 'client.example', timeout=30) as session:
        session.ehlo()
        if context:
            session.starttls(context=context)
            session.ehlo()
        session.mail(sender)
        code, text = session.rcpt('eve@ours.example')
        if code == 250:
            code, text = session.data('Subject: x\r\n\r\nx\r\n')
        return code, text.decode()


@pytest.fixture(scope='module')
def receiver(tmp_path_factory, pki):
    from sealpost import Sealpost
    directory = tmp_path_factory.mktemp('receiver')
    receiver = Sealpost(directory, 'mx.ours.example', [('mx', pki.root.issue('mx.ours.example'))]).start()
    receiver.apply({'organisations': [organisation('ours')],
                    'domains': [local_domain('ours.example', 'ours', receiver)],
                    'connectors': [partner(pki, asked, how) for asked in ASKED for how in UNMET]})
    yield receiver
    receiver.close()


@pytest.mark.sanitized
@pytest.mark.parametrize('name', CLIENTS)
def test_inbound(receiver, pki, name):
    make, facts = CLIENTS[name]
    context = client_context(make(pki) if make else None) if facts['tls'] else None
    if context and not facts['modern']:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    for asked in ASKED:
        tokens = refused_by(asked, make, facts)
        for how, (digit, _) in UNMET.items():
            sender = f'{name}@{asked}-{how}.{DOMAIN}'
            code, text = attempt(receiver, context, sender)
            assert code // 100 == (digit if tokens else 2), (sender, code, text)
            # Nothing of the configuration that the client does not need to know.
            assert '192.0.2.1' not in text, text
            if tokens:
                check_account(receiver, sender, how, tokens)


def check_account(receiver, sender, how, tokens):
    outcome = [] if how == 'report' else ['--outcome', 'refused']
    found = wait_for(lambda: receiver.json('trace', '--from', sender, *outcome), f'the trace of {sender}')
    if how != 'report':
        assert found[0]['last']['token'] in tokens, found
        return
    events = receiver.json('trace', found[0]['id'])['events']
    assert any(e.get('would_token') in tokens for e in events), events
