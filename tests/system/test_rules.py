"""Rules of organisations, from the header of a message to what becomes of it."""
import smtplib

import pytest

from oddpeer import OddPeer
from sealpost import client_context, message
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

pytestmark = pytest.mark.sanitized

DOMAIN = 'partner.example'
RULES = [
    {'name': 'secret', 'organisation': 'ours', 'header': 'X-Class', 'header_contains': 'secret', 'action': 'refuse',
     'text': 'Secrets stay in the house'},
    {'name': 'look', 'organisation': 'ours', 'header': 'X-Class', 'header_contains': 'doubtful', 'action': 'hold'},
    {'name': 'records', 'organisation': 'ours', 'header': 'X-Class', 'header_contains': 'record',
     'require_tls': 'name'},
    {'name': 'bulk', 'organisation': 'ours', 'larger_than': 100000, 'recipients': [DOMAIN], 'action': 'refuse',
     'text': 'Too much for them'},
    {'name': 'trial', 'organisation': 'ours', 'mode': 'report', 'header': 'X-Trial', 'action': 'refuse'},
]


@pytest.fixture
def peer(authority):
    """A server that does TLS with a name that is not the one asked for."""
    made = OddPeer(authority.issue('other.example'))
    yield made
    made.close()


@pytest.fixture
def ours(tmp_path, instances, authority, peer):
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'queue': QUICK_QUEUE}).start()
    ours.apply({
        'organisations': [organisation('ours', maximum_message=300000), organisation('theirs')],
        'domains': [local_domain('ours.example', 'ours', ours), local_domain('theirs.example', 'theirs', ours)],
        'connectors': [own_server_by_address('ours', ['127.0.0.2']),
                       outbound_partner('ours', 'partner', DOMAIN, [f'127.0.0.1:{peer.port}'], trust=authority.pem)],
        'rules': RULES})
    return ours


def send(ours, recipients, headers='', body='Hello.\r\n', own=True, sender='a@ours.example'):
    """The reply to the content, whose size is not declared; OWN: from the organisation's own server."""
    client = smtplib.SMTP('127.0.0.1', ours.port, 'client.example', 30, ('127.0.0.2' if own else '127.0.0.1', 0))
    with client:
        client.starttls(context=client_context())
        client.ehlo()
        client.mail(sender)
        for recipient in recipients:
            code, text = client.rcpt(recipient)
            assert code == 250, text
        try:
            code, text = client.data(headers + message(sender, recipients[0], body=body))
        except smtplib.SMTPDataError as refused:
            code, text = refused.smtp_code, refused.smtp_error
        return code, text.decode()


def events(ours, recipient):
    found = ours.json('trace', '--to', recipient)
    return [event for item in found for event in ours.json('trace', item['id'])['events']]


def test_a_header_refuses_at_the_end_of_the_content(ours):
    code, text = send(ours, [f'joe@{DOMAIN}', 'eve@ours.example'], 'X-Class: top,\r\n\tSECRET\r\n')
    assert code == 550 and text == '5.7.1 Secrets stay in the house'
    refused = wait_for(lambda: ours.json('trace', '--to', f'joe@{DOMAIN}'), 'the refusal in the trace')[0]['last']
    assert refused['token'] == 'refused-by-rule' and 'ours/secret' in refused['text']
    assert ours.json('queue', 'list') == [] and not ours.maildir('eve')


def test_who_is_not_concerned_gets_it(ours):
    """From outside, to two organisations: one has the rule, the other has not."""
    assert send(ours, ['bob@theirs.example', 'eve@ours.example'], 'X-Class: secret\r\n', own=False,
                sender='x@theirs.example')[0] == 250
    ours.wait_mail('bob')
    notice = wait_for(lambda: [m for m in ours.maildir('x') if m.get_content_type() == 'multipart/report'], 'a notice')
    text = notice[0].as_string()
    assert 'Secrets stay in the house' in text
    assert 'Final-Recipient: rfc822; eve@ours.example' in text and 'Final-Recipient: rfc822; bob' not in text
    assert not ours.maildir('eve')


def test_a_header_holds_and_somebody_releases(ours):
    send(ours, ['eve@ours.example'], 'X-Class: doubtful\r\n')
    item = wait_for(lambda: ours.json('queue', 'list', '--recipient', 'eve@ours.example'), 'it in the queue')[0]
    assert item['recipients'][0]['state'] == 'held' and item['recipients'][0]['last_token'] == 'held-by-rule'
    ours.cli('queue', 'release', item['id'])
    ours.wait_mail('eve')


def test_a_header_asks_for_more_of_the_way(ours, peer):
    send(ours, [f'joe@{DOMAIN}'])
    wait_for(lambda: len(peer.messages) == 1, 'the usual mail')
    send(ours, [f'ann@{DOMAIN}'], 'X-Class: record\r\n')

    def waiting():
        items = ours.json('queue', 'list', '--recipient', f'ann@{DOMAIN}')
        return items and items[0]['recipients'][0]['attempts'] >= 1 and items[0]['recipients'][0]
    assert wait_for(waiting, 'a first attempt')['last_token'] == 'name-mismatch'
    deferred = next(e for e in events(ours, f'ann@{DOMAIN}') if e['kind'] == 'deferred')
    assert deferred['receipt']['required'] == 'name' and 'rule ours/records (name)' in deferred['receipt']['required_by']
    assert len(peer.messages) == 1


def test_sizes(ours):
    big = ('x' * 70 + '\r\n') * 1500
    code, text = send(ours, [f'joe@{DOMAIN}'], body=big)
    assert code == 550 and 'Too much for them' in text, text
    assert send(ours, ['eve@ours.example'], body=big)[0] == 250
    code, text = send(ours, ['bob@theirs.example', 'eve@ours.example'], body=big * 4, own=False, sender='x@else.example')
    assert code == 552 and text.startswith('5.3.4'), text
    assert send(ours, ['bob@theirs.example'], body=big * 4, own=False, sender='x@else.example')[0] == 250
    # Who says so before is told so before.
    with smtplib.SMTP('127.0.0.1', ours.port, timeout=30) as client:
        client.ehlo()
        client.mail('x@else.example', ['SIZE=300001'])
        assert client.rcpt('eve@ours.example')[0] == 552
        assert client.rcpt('bob@theirs.example')[0] == 250


def test_a_rule_on_trial_only_tells(ours):
    send(ours, ['eve@ours.example'], 'X-Trial: 1\r\n')
    ours.wait_mail('eve')
    would = wait_for(lambda: [e for e in events(ours, 'eve@ours.example') if e['kind'] == 'would-refuse'], 'the trace')
    assert would[0]['token'] == 'refused-by-rule' and 'trial' in would[0]['text']
