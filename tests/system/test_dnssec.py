"""DNSSEC: what is proven, what is forged, what is not signed, and a resolver that strips it all."""
import base64
import shutil

import pytest

from peers import Nsd, Postfix, run
from sealpost import free_port
from setups import QUICK_QUEUE, local_domain, organisation, own_server_by_address
from waiting import wait_for

pytestmark = pytest.mark.skipif(not shutil.which('ldns-signzone') or not shutil.which('nsd'),
                                reason='needs NSD and ldnsutils')

MAIL = '''
    good MX 10 mx
    forged MX 10 mx
    mx A 127.0.0.1
    '''
SIGNED = 'signed.example.'
UNSIGNED = 'unsigned.example.'


class SignedNsd(Nsd):
    """NSD with one zone signed; its trust anchor is in the file .anchor."""

    def __init__(self, directory, zones, signed):
        super().__init__(directory, zones)
        self.signed = signed
        self.anchor = self.directory / 'anchor'

    def zone_file(self, name):
        file = super().zone_file(name)
        if name != self.signed:
            return file
        key = run('ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', name, cwd=self.directory).stdout.strip()
        run('ldns-signzone', '-o', name, '-f', f'{file.name}.signed', file.name, key, cwd=self.directory)
        shutil.copy(self.directory / f'{key}.key', self.anchor)
        signed = self.directory / f'{file.name}.signed'
        signed.write_text(''.join(forge(line) for line in signed.read_text().splitlines(keepends=True)))
        return signed


def forge(line):
    """The signature of the name "forged" becomes a wrong one."""
    words = line.split()
    if not line.startswith('forged.') or words[3:5] != ['RRSIG', 'MX']:
        return line
    signature = bytearray(base64.b64decode(words[-1]))
    signature[7] ^= 1
    return line.replace(words[-1], base64.b64encode(signature).decode())


@pytest.fixture
def postfix(tmp_path):
    postfix = Postfix(tmp_path / 'postfix', 'mx.signed.example', {
        'virtual_mailbox_domains': 'good.signed.example, forged.signed.example, good.unsigned.example, '
                                   'good.example.org',
        'virtual_mailbox_maps': 'static:joe/'}).start()
    yield postfix
    postfix.stop()


@pytest.fixture
def begin(tmp_path, instances, authority, postfix):
    """Start NSD with these zones and a Sealpost that asks it with these settings."""
    servers = []

    def make(zones, signed=None, anchor=None):
        nsd = SignedNsd(tmp_path / f'nsd{len(servers)}', zones, signed)
        servers.append(nsd.start())
        node = {'queue': QUICK_QUEUE, 'ports': {'smtp': postfix.port}}
        ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))], node=node)
        ours.node['dns'] = {'servers': [f'127.0.0.1@{nsd.port}'],
                            **({'trust_anchor': str(anchor or nsd.anchor)} if signed or anchor else {})}
        ours.start()
        ours.apply({'organisations': [organisation('ours', None)],
                    'domains': [local_domain('ours.example', 'ours', ours)],
                    'connectors': [own_server_by_address('ours')]})
        return ours
    yield make
    for nsd in servers:
        nsd.stop()


def lookups(ours):
    return next(p['stats'] for p in ours.processes() if p['role'] == 'lookup')


def waiting(ours, address):
    def look():
        items = ours.json('queue', 'list', '--recipient', address)
        return items and items[0]['recipients'][0]['attempts'] and items[0]['recipients'][0]
    return wait_for(look, f'a first attempt for {address}', 60)


def test_an_anchor_of_ones_own(begin, postfix):
    ours = begin({SIGNED: MAIL, UNSIGNED: MAIL}, SIGNED)
    assert lookups(ours)['validating'] and 'validated' in ours.cli('status').stdout

    ours.send('eve@ours.example', 'joe@good.signed.example')
    wait_for(lambda: postfix.maildir('joe'), 'mail to a proven destination', 60)
    before = lookups(ours)
    assert before['secure'] >= 2 and before['insecure'] == before['bogus'] == 0, before

    ours.send('eve@ours.example', 'joe@good.unsigned.example')
    wait_for(lambda: len(postfix.maildir('joe')) == 2, 'mail to a destination without DNSSEC', 60)
    assert lookups(ours)['insecure'] >= 1 and lookups(ours)['bogus'] == 0

    ours.send('eve@ours.example', 'joe@forged.signed.example')
    recipient = waiting(ours, 'joe@forged.signed.example')
    assert recipient['state'] == 'waiting' and 'DNSSEC validation failed' in recipient['last_text'], recipient
    assert 'forged.signed.example' in recipient['last_text'] and lookups(ours)['bogus'] >= 1
    assert len(postfix.maildir('joe')) == 2


def test_an_anchor_of_ones_own_is_never_given_up(begin, postfix, tmp_path):
    """The resolver strips the signatures: nothing below the anchor is believed."""
    key = run('ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', SIGNED, cwd=tmp_path).stdout.strip()
    ours = begin({SIGNED: MAIL}, anchor=tmp_path / f'{key}.key')
    ours.send('eve@ours.example', 'joe@good.signed.example')
    assert 'DNSSEC validation failed' in waiting(ours, 'joe@good.signed.example')['last_text']
    assert lookups(ours)['validating'] and not postfix.maildir('joe')
    assert 'dns.not_validating' not in ours.log_text()


def test_by_default_a_resolver_that_strips_signatures_stops_no_mail(begin, postfix):
    """A root without signatures, while the system's anchor says that it has some."""
    ours = begin({'.': 'good.example.org. MX 10 mx.example.org.\nmx.example.org. A 127.0.0.1\n'})
    ours.send('eve@ours.example', 'joe@good.example.org')
    wait_for(lambda: postfix.maildir('joe'), 'mail in spite of it', 60)
    stats = lookups(ours)
    assert not stats['validating'] and stats['bogus'] == 0 and 'does not validate' in stats['dnssec']['reason']
    assert ours.log_text().count('dns.not_validating') == 1
    assert 'not validated' in ours.cli('status').stdout
