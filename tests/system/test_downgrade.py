"""Protection that was there and is no more, where nothing forces it: an alarm, and with a grace time mail waits."""
import time

import pytest

from oddpeer import OddPeer
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

DOMAIN = 'partner.example'
WITH_TLS = ['STARTTLS', 'PIPELINING', '8BITMIME']
WITHOUT = ['PIPELINING', '8BITMIME']
GRACE_S = 8


@pytest.fixture
def ours(tmp_path, instances, authority):
    return instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'queue': QUICK_QUEUE}).start()


@pytest.fixture
def peer(authority):
    peer = OddPeer(authority.issue('mx.partner.example'), offer=list(WITH_TLS))
    yield peer
    peer.close()


def configure(ours, peer, grace='0s'):
    ours.apply({
        'organisations': [organisation('ours', downgrade_grace=grace)],
        'domains': [local_domain('ours.example', 'ours', ours)],
        'connectors': [own_server_by_address('ours'),
                       outbound_partner('ours', 'partner', DOMAIN, [f'127.0.0.1:{peer.port}'])]})


def send_one(ours, peer):
    before = len(peer.messages)
    ours.send('a@ours.example', f'joe@{DOMAIN}')
    wait_for(lambda: len(peer.messages) > before, 'the message at the partner')
    # Its outcome is written after the partner has said 250.
    wait_for(lambda: ours.json('queue', 'list') == [], 'an empty queue')
    return peer.messages[-1][2]


def alarms(ours, *arguments):
    return ours.json('alarms', 'list', *arguments)['items']


def lose_tls(peer):
    peer.behaviour['offer'] = list(WITHOUT)
    peer.drop()


def test_alarm_once_and_recovery(ours, peer):
    configure(ours, peer)
    assert send_one(ours, peer) is True
    known = ours.json('protection', 'list', '--domain', DOMAIN)['items']
    assert [(p['direction'], p['best'], p['fallen']) for p in known] == [('outbound', known[0]['best'], None)]
    assert known[0]['best'] != 'none' and alarms(ours) == []
    lose_tls(peer)
    for _ in range(2):
        assert send_one(ours, peer) is False
    alarm, = wait_for(lambda: alarms(ours), 'an alarm')
    assert (alarm['kind'], alarm['organisation'], alarm['subject'], alarm['count']) == ('downgrade', 'ours', DOMAIN, 1)
    assert 'has no TLS now' in alarm['text']
    assert 'event=downgrade ' in ours.log_text()
    assert 'Alarms' in ours.cli('status').stdout and alarm['text'] in ours.cli('alarms', 'list').stdout
    assert ours.json('protection', 'list', '--fallen')['items'][0]['domain'] == DOMAIN

    # It is remembered over a restart, and not raised again.
    ours.stop()
    ours.start()
    assert send_one(ours, peer) is False
    assert [a['count'] for a in alarms(ours)] == [1]

    ours.cli('alarms', 'acknowledge', alarm['id'])
    assert alarms(ours) == [] and 'Alarms' not in ours.cli('status').stdout
    assert alarms(ours, '--all')[0]['acknowledged_by']
    peer.behaviour['offer'] = list(WITH_TLS)
    peer.drop()
    assert send_one(ours, peer) is True
    wait_for(lambda: alarms(ours, '--all')[0]['over'], 'the end of the alarm')


def test_mail_waits_out_the_grace_time(ours, peer):
    configure(ours, peer, f'{GRACE_S}s')
    assert send_one(ours, peer) is True
    lose_tls(peer)
    began = time.monotonic()
    ours.send('a@ours.example', f'joe@{DOMAIN}')
    waiting = wait_for(lambda: (q := ours.json('queue', 'list')) and q[0]['recipients'][0]['last_token'] and q[0],
                       'a first attempt')
    assert waiting['recipients'][0]['last_token'] == 'downgrade'
    wait_for(lambda: alarms(ours), 'an alarm')
    assert len(peer.messages) == 1
    wait_for(lambda: len(peer.messages) == 2, 'the message, in clear', 60)
    assert time.monotonic() - began >= GRACE_S - 1
    assert peer.messages[-1][2] is False


def test_tls_that_comes_back_in_time(ours, peer):
    configure(ours, peer, '1h')
    assert send_one(ours, peer) is True
    lose_tls(peer)
    ours.send('a@ours.example', f'joe@{DOMAIN}')
    wait_for(lambda: alarms(ours), 'an alarm')
    peer.behaviour['offer'] = list(WITH_TLS)
    wait_for(lambda: len(peer.messages) == 2, 'the message, in TLS', 60)
    assert peer.messages[-1][2] is True
    wait_for(lambda: alarms(ours)[0]['over'], 'the end of the alarm')


def test_forgotten_is_forgotten(ours, peer):
    configure(ours, peer, '1h')
    send_one(ours, peer)
    ours.cli('protection', 'forget', DOMAIN)
    lose_tls(peer)
    assert send_one(ours, peer) is False
    assert alarms(ours) == []
    assert ours.cli('protection', 'forget', 'nobody.example', check=False).returncode != 0


def test_inbound(ours, peer):
    configure(ours, peer)

    def receive(tls):
        before = len(ours.maildir('eve'))
        with ours.smtp(tls=tls) as client:
            client.sendmail('joe@stranger.example', ['eve@ours.example'], 'Subject: x\r\n\r\nx')
        ours.wait_mail('eve', before + 1)

    receive(tls=False)
    receive(tls=True)
    assert alarms(ours) == []
    receive(tls=False)
    alarm, = wait_for(lambda: alarms(ours), 'an alarm')
    assert alarm['subject'] == 'stranger.example from 127.0.0.0/24'
    receive(tls=True)
    wait_for(lambda: alarms(ours)[0]['over'], 'the end of the alarm')
