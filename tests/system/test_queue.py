"""The queue as its operator sees it: waiting, retry, hold, release, delete, return, expiry, notices."""
import pytest

from oddpeer import OddPeer
from sealpost import free_port, message
from setups import local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for


@pytest.fixture
def ours(tmp_path, instances, authority):
    """Relays for loopback; partner.example is reached at a port where at first nobody listens."""
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'queue': {'retry': ['1s', '2s', '30m']}}).start()
    configure(ours, free_port())
    return ours


def configure(ours, port):
    ours.apply({'organisations': [organisation('ours', None)],
                'domains': [local_domain('ours.example', 'ours', ours)],
                'connectors': [own_server_by_address('ours'),
                               outbound_partner('ours', 'partner', 'partner.example', [f'127.0.0.1:{port}'])]})


def recipient(ours, address):
    items = ours.json('queue', 'list', '--recipient', address)
    return items[0]['recipients'][0] if items else None


def event_kinds(ours, **search):
    flags = [part for key, value in search.items() for part in (f'--{key}', value)]
    return [e['kind'] for i in ours.json('trace', *flags) for e in ours.json('trace', i['id'])['events']]


def test_attempts_follow_the_schedule_and_are_shown(ours):
    ours.send('eve@ours.example', 'joe@partner.example')
    wait_for(lambda: (recipient(ours, 'joe@partner.example') or {}).get('attempts', 0) >= 3, 'three attempts', 60)
    shown = recipient(ours, 'joe@partner.example')
    assert shown['state'] == 'waiting' and shown['last_token'] and shown['next_attempt']
    assert 'partner' in ours.cli('queue', 'summary').stdout
    assert event_kinds(ours, to='joe@partner.example').count('deferred') >= 3


def test_mail_that_waits_for_a_connector_goes_when_it_is_changed(ours):
    ours.send('eve@ours.example', 'joe@partner.example')
    wait_for(lambda: (recipient(ours, 'joe@partner.example') or {}).get('attempts', 0) >= 3, 'three attempts', 60)
    peer = OddPeer()
    try:
        configure(ours, peer.port)  # the next attempt by schedule would be in half an hour
        wait_for(lambda: peer.messages, 'the message at the partner')
        wait_for(lambda: recipient(ours, 'joe@partner.example') is None, 'the queue to be empty')
    finally:
        peer.close()


def test_hold_release_retry(ours):
    ours.send('eve@ours.example', 'joe@partner.example')
    wait_for(lambda: (recipient(ours, 'joe@partner.example') or {}).get('attempts', 0) >= 1, 'an attempt')
    identity = ours.json('queue', 'list')[0]['id']
    ours.cli('queue', 'hold', identity, '--yes')
    assert wait_for(lambda: recipient(ours, 'joe@partner.example')['state'] == 'held', 'it to be held')
    peer = OddPeer()
    try:
        configure(ours, peer.port)
        ours.cli('queue', 'retry', identity, '--yes', check=False)
        assert recipient(ours, 'joe@partner.example')['state'] == 'held', 'what is held is not retried'
        ours.cli('queue', 'release', identity, '--yes')
        wait_for(lambda: peer.messages, 'the message at the partner')
    finally:
        peer.close()
    kinds = wait_for(lambda: 'delivered' in (k := event_kinds(ours, to='joe@partner.example')) and k or
                     'relayed' in k and k, 'the trace')
    assert 'held' in kinds and 'released' in kinds


def test_delete_and_return(ours):
    for local in ('one', 'two'):
        ours.send('eve@ours.example', f'{local}@partner.example')
        wait_for(lambda: recipient(ours, f'{local}@partner.example'), 'it in the queue')
    identities = {i['recipients'][0]['address']: i['id'] for i in ours.json('queue', 'list')}
    ours.cli('queue', 'delete', identities['one@partner.example'], '--yes')
    ours.cli('queue', 'return', identities['two@partner.example'], '--yes')
    bounce = ours.wait_mail('eve')
    assert len(bounce) == 1 and 'two@partner.example' in bounce[0].as_string()
    wait_for(lambda: not ours.json('queue', 'list'), 'the queue to be empty')


def test_a_bulk_action_says_how_many_first(ours):
    for n in range(5):
        ours.send('eve@ours.example', f'n{n}@partner.example')
    wait_for(lambda: len(ours.json('queue', 'list')) == 5, 'five in the queue')
    refused = ours.cli('queue', 'delete', '--connector', 'partner', check=False, input='n\n')
    assert '5' in refused.stdout + refused.stderr
    assert len(ours.json('queue', 'list')) == 5
    ours.cli('queue', 'delete', '--connector', 'partner', '--yes')
    wait_for(lambda: not ours.json('queue', 'list'), 'the queue to be empty')


def parts(report):
    assert report.get_content_type() == 'multipart/report'
    return report.get_payload()


def test_a_refused_recipient_comes_back_readable(ours):
    peer = OddPeer(replies={'RCPT': '550 5.1.1 No such person here'})
    try:
        configure(ours, peer.port)
        ours.send('eve@ours.example', 'nobody@partner.example',
                  message('eve@ours.example', 'nobody@partner.example', 'Quarterly figures'))
        human, machine, original = parts(ours.wait_mail('eve')[0])
        assert 'nobody@partner.example' in human.get_payload() and 'No such person here' in human.get_payload()
        status = machine.as_string()
        assert 'Action: failed' in status and 'Status: 5.1.1' in status and 'Reporting-MTA: dns; mx.ours.example' in status
        assert 'Final-Recipient: rfc822; nobody@partner.example' in status.replace('rfc822;nobody', 'rfc822; nobody')
        assert 'Quarterly figures' in original.as_string()
    finally:
        peer.close()


def test_a_bounce_that_bounces_reaches_the_postmaster(ours):
    peer = OddPeer(replies={'RCPT': '550 5.1.1 nobody'})
    try:
        # Mail from outside for a mailbox server that refuses it; the sender's domain refuses the bounce as well.
        ours.apply({'organisations': [organisation('ours', None, postmaster='boss@ours.example')],
                    'domains': [local_domain('ours.example', 'ours', ours),
                                {'name': 'boxes.example', 'organisation': 'ours', 'delivery': f'smtp:127.0.0.1:{peer.port}'}],
                    'connectors': [outbound_partner('ours', 'partner', 'partner.example', [f'127.0.0.1:{peer.port}'])]})
        ours.send('gone@partner.example', 'nobody@boxes.example')
        assert ours.wait_mail('boss')
        wait_for(lambda: not ours.json('queue', 'list'), 'the queue to be empty')
    finally:
        peer.close()


def test_success_is_notified_when_asked(ours):
    with ours.smtp() as client:
        client.sendmail('eve@ours.example', ['joe@ours.example'], 'Subject: x\r\n\r\nx', mail_options=['ENVID=q1', 'RET=HDRS'],
                        rcpt_options=['NOTIFY=SUCCESS'])
    ours.wait_mail('joe')
    status = parts(ours.wait_mail('eve')[0])[1].as_string()
    assert 'Action: delivered' in status and 'Original-Envelope-Id: q1' in status


def test_never_notify_means_never(ours):
    peer = OddPeer(replies={'RCPT': '550 5.1.1 nobody'})
    try:
        configure(ours, peer.port)
        with ours.smtp() as client:
            client.sendmail('eve@ours.example', ['nobody@partner.example'], 'Subject: x\r\n\r\nx', rcpt_options=['NOTIFY=NEVER'])
        wait_for(lambda: 'failed' in event_kinds(ours, to='nobody@partner.example'), 'the failure in the trace')
        wait_for(lambda: not ours.json('queue', 'list'), 'the queue to be empty')
        assert not ours.maildir('eve')
    finally:
        peer.close()


def test_expiry_and_delay_notice(tmp_path, instances, authority):
    """The clock runs two hundred times faster, so that hours pass in seconds.  What is configured is so before: where
    ten seconds are fifty milliseconds, processes that wait for each other give up."""
    ours = instances(tmp_path / 'fast', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'queue': {'expiry': '1h', 'delay_notice': '10m'}})
    ours.start()
    configure(ours, free_port())
    assert ours.stop() == 0
    ours.prefix = ['faketime', '-f', '+0 x200']
    ours.start()
    ours.send('eve@ours.example', 'joe@partner.example')
    reports = [parts(m)[1].as_string() for m in ours.wait_mail('eve', 2, timeout=120)]
    assert 'Action: delayed' in reports[0], reports
    assert 'Action: failed' in reports[1] and 'Status: 5.4' in reports[1] and 'Connection refused' in reports[1], reports
    wait_for(lambda: not ours.json('queue', 'list'), 'the queue to be empty')


def test_a_loop_between_two_servers_ends(ours, tmp_path, instances):
    """Each sends the domain's mail to the other: the number of Received headers ends it."""
    other = instances(tmp_path / 'other', 'mx.other.example', node={'limits': {'hops': 10}}).start()
    other.apply({'organisations': [organisation('other', None)],
                 'domains': [{'name': 'ours.example', 'organisation': 'other'}],
                 'connectors': [own_server_by_address('other'),
                                outbound_partner('other', 'back', 'partner.example', [f'127.0.0.1:{ours.port}'])]})
    configure(ours, other.port)
    ours.send('eve@ours.example', 'joe@partner.example')
    bounce = wait_for(lambda: [m for m in ours.maildir('eve') if m.get_content_type() == 'multipart/report'], 'a bounce', 60)
    assert '5.4.6' in bounce[0].as_string()


def test_a_next_hop_that_is_ourselves_is_seen_at_once(ours):
    configure(ours, ours.port)
    ours.send('eve@ours.example', 'joe@partner.example')
    wait_for(lambda: (recipient(ours, 'joe@partner.example') or {}).get('last_token') == 'loop', 'the loop to be seen')


def test_eight_bit_mail_is_returned_not_mangled(ours):
    peer = OddPeer(offer=['PIPELINING', 'SIZE 1000000'])
    try:
        configure(ours, peer.port)
        with ours.smtp() as client:
            client.sendmail('eve@ours.example', ['joe@partner.example'],
                            'Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n'
                            'Content-Transfer-Encoding: 8bit\r\n\r\nGr\u00fc\u00dfe\r\n'.encode(), mail_options=['BODY=8BITMIME'])
        bounce = ours.wait_mail('eve')[0].as_string()
        assert '5.6.3' in bounce
        with ours.smtp() as client:
            client.sendmail('eve@ours.example', ['j\u00f6@partner.example'], 'Subject: x\r\n\r\nx'.encode(),
                            mail_options=['SMTPUTF8'])
        assert '5.6.7' in ours.wait_mail('eve', 2)[-1].as_string()
        assert peer.messages == []
    finally:
        peer.close()


def test_the_queue_survives_a_restart(ours):
    for n in range(20):
        ours.send('eve@ours.example', f'n{n}@partner.example')
    wait_for(lambda: len(ours.json('queue', 'list')) == 20, 'twenty in the queue')
    assert ours.stop() == 0
    ours.start()
    assert len(ours.json('queue', 'list')) == 20
    peer = OddPeer()
    try:
        configure(ours, peer.port)
        wait_for(lambda: len(peer.messages) == 20, 'all at the partner', 60)
    finally:
        peer.close()
