"""Rules that hold mail, an organisation's limit of queued messages, and mail from one organisation to another, as the
queue and the trace show them."""
import smtplib

import pytest

from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for


@pytest.fixture
def ours(tmp_path, instances, authority):
    return instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'queue': QUICK_QUEUE}).start()


def test_a_rule_holds_once(ours):
    ours.apply({
        'organisations': [organisation('ours')],
        'domains': [local_domain('ours.example', 'ours', ours)],
        'connectors': [own_server_by_address('ours')],
        'rules': [{'name': 'review', 'organisation': 'ours', 'header': 'X-Review', 'action': 'hold'}]})
    ours.send('a@ours.example', 'eve@ours.example', 'X-Review: yes\r\nSubject: held\r\n\r\nx')
    ours.send('a@ours.example', 'eve@ours.example', 'Subject: free\r\n\r\nx')
    assert [m['Subject'] for m in ours.wait_mail('eve')] == ['free']
    held, = ours.json('queue', 'list', '--state', 'held')
    assert held['recipients'][0]['last_token'] == 'held-by-rule'
    assert 'rule ours/review' in held['recipients'][0]['last_text']
    ours.stop()
    ours.start()
    assert [m['id'] for m in ours.json('queue', 'list', '--state', 'held')] == [held['id']]
    ours.cli('queue', 'release', '--id', held['id'], '--yes')
    assert [m['Subject'] for m in ours.wait_mail('eve', 2)] == ['free', 'held']
    kinds = [e['kind'] for e in ours.json('trace', held['id'])['events']]
    assert kinds == ['received', 'held', 'released', 'delivered']


def test_a_full_queue_of_one_organisation(ours):
    """Its own mail gets 452, that of others passes, also right after a restart."""
    def domain(name):
        return {'name': f'{name}.example', 'organisation': name, 'delivery': f'maildir:{ours.mail}/{{local}}'}

    ours.apply({
        'organisations': [organisation('ours', maximum_queued=2), organisation('theirs')],
        'domains': [domain('ours'), domain('theirs')],
        'connectors': [own_server_by_address('ours'),
                       outbound_partner('ours', 'nowhere', 'partner.example', ['127.0.0.1:1'])]})

    def send(to, sender='x@stranger.example'):
        try:
            ours.send(sender, to)
            return 250
        except smtplib.SMTPDataError as refusal:
            return refusal.smtp_code

    # Nobody listens there: these stay.
    for _ in range(2):
        assert send('joe@partner.example', 'a@ours.example') == 250
    assert send('joe@partner.example', 'a@ours.example') == 452
    assert send('eve@ours.example') == 452
    assert send('eve@theirs.example') == 250
    ours.stop()
    ours.start()
    assert send('eve@ours.example') == 452
    ours.cli('queue', 'delete', '--domain', 'partner.example', '--yes')
    wait_for(lambda: send('eve@ours.example') == 250, 'room in the queue')


def test_between_organisations(ours):
    """What leaves one organisation for another is in the account, and counted by the other's connector."""
    ours.apply({
        'organisations': [organisation('ours'), organisation('theirs')],
        'domains': [local_domain('ours.example', 'ours', ours), local_domain('theirs.example', 'theirs', ours)],
        'connectors': [own_server_by_address('ours'),
                       {'name': 'from-ours', 'organisation': 'theirs', 'type': 'partner',
                        'inbound': {'sender_domains': ['ours.example'], 'require_tls': True,
                                    'certificate_name': 'mx.ours.example', 'restrict_to_certificate': True,
                                    'trusted_organisations': ['ours']}}]})
    ours.send('a@ours.example', 'bob@theirs.example')
    ours.wait_mail('bob')
    item, = ours.json('trace', '--to', 'bob@theirs.example')
    handed = next(e for e in ours.json('trace', item['id'])['events'] if e['kind'] == 'handed-over')
    assert (handed['organisation'], handed['connector'], handed['receipt']['attempt'], handed['receipt']['reason']) == (
        'theirs', 'from-ours', 'local', 'inside this installation')
    found = wait_for(lambda: (f := ours.json('connector', 'readiness', 'theirs/from-ours')['inbound'])['ok'] and f,
                     'a count')
    assert (found['ok'], found['refused'], found['would_refuse']) == (1, 0, 0)
