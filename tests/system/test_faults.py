"""Pulling the plug: any process may die at any moment, the disk may be full; what was acknowledged arrives."""
import os
import random
import signal
import smtplib
import subprocess
import threading

import pytest

from oddpeer import OddPeer
from sealpost import message
from setups import organisation, outbound_partner, own_server_by_address
from waiting import wait_for

ROLES = ('keys', 'lookup', 'spool', 'receive', 'deliver', 'admin', 'web')
KILLS = 14
SENDERS = 4


class Sender(threading.Thread):
    """Sends one message after the other, and keeps a ledger of those that were acknowledged."""

    def __init__(self, instance, number):
        super().__init__(daemon=True)
        self.instance, self.number = instance, number
        self.acknowledged, self.sent = set(), 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            try:
                with self.instance.smtp(timeout=20) as client:
                    for _ in range(10):
                        self.one(client)
            except (OSError, smtplib.SMTPException):
                self.stopping.wait(0.05)

    def one(self, client):
        self.sent += 1
        identity = f'<{self.number}.{self.sent}@ledger.example>'
        client.sendmail('a@ours.example', ['b@partner.example'],
                        message('a@ours.example', 'b@partner.example', message_id=identity, body='x' * 3000 + '\r\n'))
        self.acknowledged.add(identity)


def identities(peer):
    found = []
    for _, content, _ in list(peer.messages):
        line = next(l for l in content.split(b'\r\n') if l.lower().startswith(b'message-id:'))
        found.append(line.split(b':', 1)[1].strip().decode())
    return found


def relay_to(instance, peer, authority):
    instance.apply({'organisations': [organisation('ours')], 'domains': [{'name': 'ours.example', 'organisation': 'ours'}],
                    'connectors': [own_server_by_address('ours'),
                                   outbound_partner('ours', 'partner', 'partner.example', [f'127.0.0.1:{peer.port}'], 'name',
                                                    'mx.partner.example', authority.pem)]})


@pytest.mark.parametrize('victims', ['children', 'everything'])
def test_every_acknowledged_message_arrives(tmp_path, instances, authority, victims):
    chance = random.Random(f'{victims}-7')
    peer = OddPeer(authority.issue('mx.partner.example', file=f'partner-{victims}'))
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example', file=victims))],
                     node={'queue': {'retry': ['1s']}, 'processes': {'receive': 2, 'deliver': 2},
                           'limits': {'connections_per_address': 500}}).start()
    relay_to(ours, peer, authority)
    senders = [Sender(ours, n) for n in range(SENDERS)]
    for sender in senders:
        sender.start()
    try:
        for _ in range(KILLS):
            before = sum(len(s.acknowledged) for s in senders)
            wait_for(lambda: sum(len(s.acknowledged) for s in senders) >= before + 15, 'more acknowledged messages', 90)
            kill_one(ours, chance, victims)
        before = sum(len(s.acknowledged) for s in senders)
        wait_for(lambda: sum(len(s.acknowledged) for s in senders) >= before + 15, 'the last ones', 90)
    finally:
        for sender in senders:
            sender.stopping.set()
        for sender in senders:
            sender.join(60)
    acknowledged = set().union(*(s.acknowledged for s in senders))
    wait_for(lambda: acknowledged <= set(identities(peer)),
             f'all {len(acknowledged)} acknowledged messages at the sink', 120)
    arrived = identities(peer)
    extra = len(arrived) - len(set(arrived))
    assert extra <= KILLS * 20, f'{extra} duplicates among {len(arrived)}'
    assert all(tls for _, _, tls in peer.messages)
    peer.close()


def kill_one(ours, chance, victims):
    if victims == 'everything':
        ours.kill()
        ours.start()
        return
    running = wait_for(lambda: ours.processes(), 'the list of processes')
    victim = chance.choice([p for p in running if p['pid']])
    os.kill(victim['pid'], signal.SIGKILL)
    wait_for(lambda: any(p['role'] == victim['role'] and p['index'] == victim['index'] and p['pid'] and
                         p['pid'] != victim['pid'] for p in ours.processes()), f'{victim["role"]} to come back', 60)


@pytest.mark.skipif(os.geteuid() != 0, reason='mounting a small file system needs root')
def test_a_full_disk_refuses_and_recovers(tmp_path, instances, authority):
    small = tmp_path / 'small'
    small.mkdir()
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', str(small)], check=True)
    peer = OddPeer()
    try:
        ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example', file='full'))],
                         node={'data': str(small / 'data'), 'limits': {'disk_free': '1M'}, 'queue': {'retry': ['1s']}}).start()
        closed = {'organisations': [organisation('ours', None)], 'domains': [{'name': 'ours.example', 'organisation': 'ours'}],
                  'connectors': [own_server_by_address('ours'),
                                 outbound_partner('ours', 'partner', 'partner.example', ['127.0.0.1:1'])]}
        ours.apply(closed)
        accepted, refusal = 0, None
        for n in range(200):
            try:
                ours.send('a@ours.example', 'b@partner.example', 'Subject: x\r\n\r\n' + ('y' * 70 + '\r\n') * 4000)
                accepted += 1
            except smtplib.SMTPResponseException as problem:
                refusal = problem
                break
            except smtplib.SMTPRecipientsRefused as problem:
                refusal = smtplib.SMTPResponseException(*next(iter(problem.recipients.values())))
                break
        assert refusal is not None and 400 <= refusal.smtp_code < 500, refusal
        assert accepted > 5
        closed['connectors'][1]['outbound']['smart_hosts'] = [f'127.0.0.1:{peer.port}']
        ours.apply(closed)
        wait_for(lambda: len(peer.messages) == accepted, f'{accepted} messages at the partner', 90)
        wait_for(lambda: ours.send('a@ours.example', 'b@partner.example') == {}, 'mail to be taken again', 60)
    finally:
        for instance in [i for i in (locals().get('ours'),) if i]:
            instance.close()
        peer.close()
        subprocess.run(['umount', '-l', str(small)], check=True)


def test_the_next_hop_vanishes_at_the_worst_moment(tmp_path, instances, authority):
    """The connection is cut after the content, before the reply: tried again, delivered."""
    peer = OddPeer(final='CLOSE')
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example', file='cut'))],
                     node={'queue': {'retry': ['1s']}}).start()
    ours.apply({'organisations': [organisation('ours', None)], 'domains': [{'name': 'ours.example', 'organisation': 'ours'}],
                'connectors': [own_server_by_address('ours'),
                               outbound_partner('ours', 'partner', 'partner.example', [f'127.0.0.1:{peer.port}'])]})
    ours.send('a@ours.example', 'b@partner.example')
    wait_for(lambda: ours.json('queue', 'list')[0]['recipients'][0]['attempts'] >= 1, 'a failed attempt')
    peer.behaviour['final'] = '250 2.0.0 taken'
    wait_for(lambda: len(peer.messages) == 1, 'the message')
    wait_for(lambda: not ours.json('queue', 'list'), 'the queue to be empty')
    peer.close()


def test_the_spool_dies_while_a_reply_is_awaited(tmp_path, instances, authority):
    """The next hop has the content and is thinking: the next spool does not send it a second time."""
    peer = OddPeer(hold=threading.Event())
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example', file='awaited'))]).start()
    ours.apply({'organisations': [organisation('ours', None)], 'domains': [{'name': 'ours.example', 'organisation': 'ours'}],
                'connectors': [own_server_by_address('ours'),
                               outbound_partner('ours', 'partner', 'partner.example', [f'127.0.0.1:{peer.port}'])]})
    before = wait_for(lambda: ours.pid_of('spool'), 'the spool')

    def sent(name):
        ours.send('a@ours.example', 'b@partner.example', message('a@ours.example', 'b@partner.example', message_id=name))
        return True

    try:
        sent('<1@ours.example>')
        wait_for(lambda: peer.holding == 1, 'the content')
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: ours.pid_of('spool') not in (None, before), 'another spool')
        wait_for(lambda: sent('<2@ours.example>'), 'mail to be taken again')
        # That more content comes shows that the new spool gives out jobs.
        wait_for(lambda: peer.holding == 2, 'the second message')
        assert len(ours.json('queue', 'list')) == 2
        peer.behaviour['hold'].set()
        wait_for(lambda: not ours.json('queue', 'list'), 'the queue to be empty')
        assert sorted(identities(peer)) == ['<1@ours.example>', '<2@ours.example>']
    finally:
        peer.behaviour['hold'].set()
        peer.close()
