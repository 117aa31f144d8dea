"""Connectors in report mode: mail flows, what would have been refused is counted by reason and host, and after the
switch to enforce the same mail is refused."""
import smtplib
import subprocess

import pytest

from oddpeer import OddPeer
from peers import Postfix
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

DOMAIN = 'partner.example'
HOST = 'mx.partner.example'
CONNECTOR = 'ours/partner'


@pytest.fixture
def ours(tmp_path, instances, authority):
    return instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'queue': QUICK_QUEUE}).start()


def inbound_config(ours, authority, mode, **more):
    return {
        'organisations': [organisation('ours')],
        'domains': [local_domain('ours.example', 'ours', ours)],
        'connectors': [{'name': 'partner', 'organisation': 'ours', 'type': 'partner', 'trust': authority.pem,
                        'inbound': {'sender_domains': [DOMAIN], 'require_tls': True, 'certificate_name': HOST,
                                    'restrict_to_certificate': True, 'mode': mode, **more}}]}


def readiness(instance, direction, counted=None):
    """What stands under DIRECTION, once COUNTED messages are in it (counting follows the mail)."""
    def look():
        found = instance.json('connector', 'readiness', CONNECTOR)[direction]
        return (counted is None or found['ok'] + found['would_refuse'] + found['refused'] >= counted) and found
    return wait_for(look, f'{counted} counted')


def swaks(port, *arguments):
    done = subprocess.run(
        ['swaks', '--server', '127.0.0.1', '--port', str(port), '--ehlo', HOST, '--from', f'joe@{DOMAIN}',
         '--to', 'eve@ours.example', '--timeout', '20', *map(str, arguments)], capture_output=True, text=True,
        timeout=60)
    return done.returncode, done.stdout


def test_inbound(ours, authority):
    """A partner that complies, one without TLS, one without its certificate, one with another name."""
    certificate, wrong = authority.issue(HOST), authority.issue('mx.other.example')
    ours.apply(inbound_config(ours, authority, 'report'))
    assert 'nothing can be said' in readiness(ours, 'inbound')['verdict']
    ways = [
        ('--tls', '--tls-cert', certificate.chain, '--tls-key', certificate.key),
        (),
        ('--tls',),
        ('--tls', '--tls-cert', wrong.chain, '--tls-key', wrong.key),
    ]
    for way in ways:
        code, text = swaks(ours.port, *way)
        assert code == 0, text
    ours.wait_mail('eve', len(ways))
    found = readiness(ours, 'inbound', len(ways))
    assert (found['mode'], found['ok'], found['would_refuse'], found['refused']) == ('report', 1, 3, 0)
    assert found['verdict'] == 'switching inbound to enforce would have refused 3 of 4 messages from 1 host'
    tokens = {reason['token'] for reason in found['reasons']}
    assert len(tokens) == 3 and 'tls-required' in tokens
    for reason in found['reasons']:
        assert (reason['kind'], reason['count'], reason['host'], reason['name']) == (
            'would-refuse', 1, '127.0.0.1', HOST)
        assert reason['meaning'] and reason['remedy']
        kinds = [event['kind'] for event in ours.json('trace', reason['sample'])['events']]
        assert 'would-refuse' in kinds and 'delivered' in kinds
    text = ours.cli('connector', 'readiness', CONNECTOR).stdout
    assert 'report mode' in text and found['verdict'] in text and 'tls-required' in text

    # The counts survive a restart, and enforcing refuses just these three.
    ours.stop()
    ours.start()
    assert readiness(ours, 'inbound') == found
    ours.apply(inbound_config(ours, authority, 'enforce'))
    assert [swaks(ours.port, *way)[0] == 0 for way in ways] == [True, False, False, False]
    found = readiness(ours, 'inbound', len(ways) * 2)
    assert (found['mode'], found['ok'], found['would_refuse'], found['refused']) == ('enforce', 2, 3, 3)
    assert {r['token'] for r in found['reasons'] if r['kind'] == 'refused'} == tokens
    assert found['verdict'].startswith('inbound is enforced: ')


def test_recipients_of_one_message_count_once(ours, authority):
    ours.apply(inbound_config(ours, authority, 'report'))
    with ours.smtp(tls=False) as client:
        client.sendmail(f'joe@{DOMAIN}', [f'u{i}@ours.example' for i in range(5)], 'Subject: x\r\n\r\nx')
    assert readiness(ours, 'inbound', 1)['would_refuse'] == 1


def outbound_config(ours, authority, port, mode):
    connector = outbound_partner('ours', 'partner', DOMAIN, [f'127.0.0.1:{port}'], 'name', HOST, authority.pem,
                                 mode=mode)
    return {'organisations': [organisation('ours')], 'domains': [local_domain('ours.example', 'ours', ours)],
            'connectors': [own_server_by_address('ours'), connector]}


def flows_then_waits(ours, authority, port, delivered, tokens):
    ours.apply(outbound_config(ours, authority, port, 'report'))
    ours.send('a@ours.example', f'joe@{DOMAIN}')
    wait_for(lambda: delivered() == 1, 'the message at the partner')
    found = readiness(ours, 'outbound', 1)
    assert (found['mode'], found['ok'], found['would_refuse']) == ('report', 0, 1)
    assert found['verdict'] == 'switching outbound to enforce would have refused 1 of 1 message to 1 host'
    assert found['reasons'][0]['token'] in tokens
    ours.apply(outbound_config(ours, authority, port, 'enforce'))
    ours.send('a@ours.example', f'joe@{DOMAIN}')
    found = wait_for(lambda: (f := readiness(ours, 'outbound'))['refused'] and f, 'a refusal')
    item = ours.json('queue', 'list', '--recipient', f'joe@{DOMAIN}')[0]
    assert item['recipients'][0]['last_token'] == found['reasons'][0]['token']
    assert delivered() == 1
    # Retries of one message are no further refusals.
    wait_for(lambda: ours.json('queue', 'list')[0]['recipients'][0]['attempts'] >= 2, 'a second attempt')
    assert readiness(ours, 'outbound')['refused'] == 1


def test_outbound_without_starttls(ours, authority, tmp_path):
    postfix = Postfix(tmp_path / 'postfix', HOST, {'smtpd_tls_security_level': 'none'}).accept_domain(DOMAIN, 'joe')
    postfix.start()
    try:
        flows_then_waits(ours, authority, postfix.port, lambda: len(postfix.maildir('joe')), {'no-starttls'})
    finally:
        postfix.stop()


def test_outbound_with_the_wrong_name(ours, authority):
    peer = OddPeer(authority.issue('mx.other.example'))
    try:
        flows_then_waits(ours, authority, peer.port, lambda: len(peer.messages), {'name-mismatch'})
        assert all(in_tls for _, _, in_tls in peer.messages)
    finally:
        peer.close()


def test_other_peoples_mail_is_not_counted(ours, authority):
    """Mail that the connector does not cover is none of its."""
    ours.apply(inbound_config(ours, authority, 'report'))
    with ours.smtp(tls=False) as client:
        client.sendmail('joe@stranger.example', ['eve@ours.example'], 'Subject: x\r\n\r\nx')
    ours.wait_mail('eve')
    with ours.smtp(tls=False) as client:
        client.sendmail(f'joe@{DOMAIN}', ['eve@ours.example'], 'Subject: x\r\n\r\nx')
    found = readiness(ours, 'inbound', 1)
    assert found['ok'] + found['would_refuse'] == 1


def test_unknown_connector(ours, authority):
    ours.apply(inbound_config(ours, authority, 'report'))
    done = ours.cli('connector', 'readiness', 'ours/none', check=False)
    assert done.returncode != 0 and 'there is no connector ours/none' in done.stderr
    with pytest.raises(smtplib.SMTPRecipientsRefused), ours.smtp() as client:
        client.sendmail('joe@stranger.example', ['eve@elsewhere.example'], 'Subject: x\r\n\r\nx')
    assert readiness(ours, 'inbound')['refused'] == 0
