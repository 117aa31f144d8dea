"""The ladder of opportunistic TLS: full, with a smaller ClientHello, in clear; and what is remembered of it."""
import datetime
import os
import signal

import pytest

from oddpeer import OddPeer
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

HOST = 'mx.partner.example'


@pytest.fixture
def peer(authority):
    peer = OddPeer(authority.issue(HOST, file='ladder'))
    yield peer
    peer.close()


@pytest.fixture
def make(tmp_path, instances, authority, peer):
    """A Sealpost that keeps no connection open, so that every message begins at the foot of the ladder; TLS is the
    node's section of that name."""
    def make(**tls):
        ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                         node={'queue': {**QUICK_QUEUE, 'idle_connection': '0s'}, 'tls': tls}).start()
        target = [f'127.0.0.1:{peer.port}']
        ours.apply({'organisations': [organisation('ours', None)],
                    'domains': [local_domain('ours.example', 'ours', ours)],
                    'connectors': [own_server_by_address('ours'),
                                   outbound_partner('ours', 'open', 'open.example', target),
                                   outbound_partner('ours', 'strict', 'strict.example', target, 'encrypt')]})
        return ours
    return make


def deliver(ours, peer, domain='open.example'):
    """Send one message; (what the peer got, the receipt)."""
    before = len(peer.messages)
    local = f'm{before}'
    ours.send('eve@ours.example', f'{local}@{domain}')
    wait_for(lambda: len(peer.messages) > before, 'the message at the peer')
    return peer.messages[-1], receipt(ours, f'{local}@{domain}')


def receipt(ours, address):
    def look():
        return [e['receipt'] for item in ours.json('trace', '--to', address)
                for e in ours.json('trace', item['id'])['events'] if e['kind'] in ('delivered', 'relayed')]
    return wait_for(look, f'the receipt for {address}')[0]


def remembered(ours):
    return ours.json('host', 'list')['items']


def wait_deferred(ours, address, token):
    def look():
        items = ours.json('queue', 'list', '--recipient', address)
        return items and items[0]['recipients'][0]['attempts'] >= 2 and items[0]['recipients'][0]
    shown = wait_for(look, f'two attempts for {address}')
    assert shown['last_token'] == token and shown['state'] == 'waiting', shown


def test_a_smaller_hello_is_tried_and_remembered(make, peer):
    peer.behaviour['starttls'] = 'small'
    ours = make()
    (_, _, was_tls), shown = deliver(ours, peer)
    assert was_tls and shown['attempt'] == 'reduced' and shown['version']
    assert len(peer.hellos) == 2 and peer.hellos[0] > peer.hellos[1]

    entry = wait_for(lambda: remembered(ours), 'the host to be remembered')[0]
    assert entry['host'] == f'127.0.0.1:{peer.port}' and entry['attempt'] == 'reduced' and entry['reason']
    until = datetime.datetime.fromisoformat(entry['until'].replace('Z', '+00:00'))
    assert until > datetime.datetime.now(datetime.timezone.utc)
    assert entry['host'] in ours.cli('host', 'list').stdout

    (_, _, was_tls), shown = deliver(ours, peer)
    assert was_tls and shown['attempt'] == 'reduced'
    assert len(peer.hellos) == 3 and peer.hellos[2] == peer.hellos[1], 'the second message begins at the remembered rung'

    ours.cli('host', 'forget', entry['host'])
    assert remembered(ours) == []
    deliver(ours, peer)
    assert len(peer.hellos) == 5 and peer.hellos[3] == peer.hellos[0], 'what is forgotten is tried from the top'


def test_clear_is_the_last_rung(make, peer):
    peer.behaviour['starttls'] = 'garbage'
    ours = make()
    (_, _, was_tls), shown = deliver(ours, peer)
    assert not was_tls and shown['attempt'] == 'clear' and shown['got'] == 'none' and not shown.get('version')
    assert peer.connections == 3, 'full, reduced, clear'
    assert peer.verbs_in_clear().count('STARTTLS') == 2
    entry = wait_for(lambda: remembered(ours), 'the host to be remembered')[0]
    assert entry['attempt'] == 'clear' and entry['reason']
    deliver(ours, peer)
    assert peer.connections == 4 and peer.verbs_in_clear().count('STARTTLS') == 2


def test_the_memory_survives_restarts(make, peer):
    peer.behaviour['starttls'] = 'close'
    ours = make()
    deliver(ours, peer)
    known = wait_for(lambda: remembered(ours), 'the host to be remembered')

    old = ours.pid_of('deliver')
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: ours.pid_of('deliver') != old, 'another delivering process')
    ours.wait_ready()
    deliver(ours, peer)
    assert peer.connections == 4, 'a new process was told'

    assert ours.stop() == 0
    ours.start()
    assert remembered(ours) == known
    deliver(ours, peer)
    assert peer.connections == 5, 'a new server has it from its store'


def test_what_is_remembered_ends(make, peer):
    peer.behaviour['starttls'] = 'small'
    ours = make(remember='3s')
    deliver(ours, peer)
    wait_for(lambda: remembered(ours), 'the host to be remembered')
    wait_for(lambda: not remembered(ours), 'the host to be forgotten')
    deliver(ours, peer)
    assert len(peer.hellos) == 4 and peer.hellos[2] == peer.hellos[0]


def test_the_node_may_forbid_clear(make, peer):
    peer.behaviour['starttls'] = 'garbage'
    ours = make(on_handshake_failure='defer')
    ours.send('eve@ours.example', 'joe@open.example')
    wait_deferred(ours, 'joe@open.example', 'handshake-failed')
    assert peer.messages == [] and 'MAIL' not in peer.verbs_in_clear()
    assert remembered(ours) == []
    peer.behaviour['starttls'] = 'ok'
    ours.cli('queue', 'retry', '--recipient', 'joe@open.example', '--yes')
    wait_for(lambda: peer.messages, 'the message once TLS works')
    assert peer.messages[0][2] and receipt(ours, 'joe@open.example')['attempt'] == 'full'


def test_clear_that_is_remembered_is_nothing_to_who_requires_tls(make, peer):
    peer.behaviour['starttls'] = 'garbage'
    ours = make()
    deliver(ours, peer)
    wait_for(lambda: remembered(ours), 'the host to be remembered')
    del peer.clear[:]
    ours.send('eve@ours.example', 'secret@strict.example')
    wait_deferred(ours, 'secret@strict.example', 'handshake-failed')
    assert set(peer.verbs_in_clear()) <= {'EHLO', 'STARTTLS', 'QUIT'}, peer.verbs_in_clear()
    assert remembered(ours)[0]['attempt'] == 'clear', 'still true for the others'
    peer.behaviour['starttls'] = 'ok'
    ours.cli('queue', 'retry', '--recipient', 'secret@strict.example', '--yes')
    wait_for(lambda: len(peer.messages) == 2, 'the message once TLS works')
    assert peer.messages[1][2] and receipt(ours, 'secret@strict.example')['attempt'] == 'full'
