"""An organisation's own header fields: what leaves with a message, by where it goes."""
import pytest

from oddpeer import OddPeer
from sealpost import message
from setups import local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

HOST = 'mx.partner.example'
OWN = b'X-Sealpost-Organization-'
CROSSED = b'X-Sealpost-CrossPremises-'


@pytest.fixture
def ours(tmp_path, instances, authority):
    return instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))]).start()


def on_premises(authority, port, level='name', crosses=True, domain='cloud.example'):
    connector = outbound_partner('ours', 'exchange', domain, [f'127.0.0.1:{port}'], level,
                                 HOST if level == 'name' else None, authority.pem, cross_premises_headers=crosses)
    return {**connector, 'type': 'on-premises'}


def send_and_look(ours, peer, recipient, body='Hello.\r\n'):
    count = len(peer.messages)
    ours.send('eve@ours.example', recipient, message('eve@ours.example', recipient, body=body))
    wait_for(lambda: len(peer.messages) > count, 'the message')
    return peer.messages[-1]


@pytest.mark.sanitized
@pytest.mark.parametrize('offer', [['PIPELINING', 'SIZE 100000'], ['PIPELINING', 'CHUNKING', 'SIZE 100000']])
def test_fields_stay_at_home(ours, authority, offer):
    peer = OddPeer(authority.issue(HOST), offer=['STARTTLS', *offer])
    try:
        ours.apply({
            'organisations': [organisation('ours')], 'domains': [local_domain('ours.example', 'ours', ours)],
            'connectors': [own_server_by_address('ours'), on_premises(authority, peer.port),
                           outbound_partner('ours', 'partner', 'partner.example', [f'127.0.0.1:{peer.port}'])]})
        body = '.dot\r\n' + 'X-Sealpost-Organization-Body: stays\r\n' + 'line\r\n' * 5000
        stuffed = body if 'CHUNKING' in offer else '.' + body  # the peer tells what came over the wire
        _, content, _ = send_and_look(ours, peer, 'joe@partner.example', body)
        head, _, text = content.partition(b'\r\n\r\n')
        assert OWN not in head and CROSSED not in head, head
        assert text == stuffed.encode(), text[:200]
        # To the organisation's own server, that has proven its name, they go along.
        _, content, was_tls = send_and_look(ours, peer, 'joe@cloud.example', body)
        head, _, text = content.partition(b'\r\n\r\n')
        assert was_tls and CROSSED + b'Directionality: originating' in head and OWN not in head, head
        assert text == stuffed.encode(), text[:200]
        # In a mailbox of its own they can be read.
        ours.send('eve@ours.example', 'joe@ours.example')
        mail = ours.wait_mail('joe')[0]
        assert mail['X-Sealpost-Organization-Directionality'] == 'originating'
    finally:
        peer.close()
