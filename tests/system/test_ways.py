"""Ways that rules and organisations choose: through an appliance and back, and from one organisation to another."""
import smtplib

import pytest

from oddpeer import OddPeer
from sealpost import message
from setups import QUICK_QUEUE, organisation, outbound_partner
from waiting import wait_for

pytestmark = pytest.mark.sanitized

FAR = 'far.example'


@pytest.fixture
def peer(authority):
    made = []

    def make(name):
        made.append(OddPeer(authority.issue(name)))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def ours(tmp_path, instances, authority):
    return instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'queue': QUICK_QUEUE}).start()


def own_server(owner, name, authority):
    return {'name': f'{owner}-server', 'organisation': owner, 'type': 'on-premises', 'trust': authority.pem,
            'inbound': {'certificate_name': name}}


def events(instance, recipient):
    """All that happened to messages for RECIPIENT; what was refused is no message."""
    items = [item for item in instance.json('trace', '--to', recipient) if item['last']['kind'] != 'refused']
    return [e for item in items for e in instance.json('trace', item['id'])['events']]


def test_through_an_appliance_and_back(ours, peer, authority):
    """One connector with two halves, one rule, and no mark in the header: what came back is not sent there again."""
    appliance, far = peer('dlp.ours.example'), peer('mx.far.example')
    ours.apply({
        'organisations': [organisation('ours')],
        'domains': [{'name': 'ours.example', 'organisation': 'ours', 'delivery': f'maildir:{ours.mail}/{{local}}'}],
        'connectors': [
            own_server('ours', 'mail.ours.example', authority),
            {'name': 'appliance', 'organisation': 'ours', 'type': 'on-premises', 'trust': authority.pem,
             'inbound': {'certificate_name': 'dlp.ours.example'},
             'outbound': {'rule_scoped': True, 'smart_hosts': [f'127.0.0.1:{appliance.port}'], 'tls': 'name',
                          'tls_domain': 'dlp.ours.example'}},
            outbound_partner('ours', 'far', FAR, [f'127.0.0.1:{far.port}'], 'name', 'mx.far.example', authority.pem)],
        'rules': [{'name': 'check', 'organisation': 'ours', 'recipients': [FAR], 'direction': 'outgoing',
                   'connector': 'appliance'}]})
    ours.send('a@ours.example', f'x@{FAR}', certificate=authority.issue('mail.ours.example'))
    wait_for(lambda: appliance.messages, 'the message at the appliance')
    assert far.messages == []
    ours.send('a@ours.example', f'x@{FAR}', bytes(appliance.messages[0][1]).decode(),
              certificate=authority.issue('dlp.ours.example', file='back'))
    wait_for(lambda: far.messages, 'the message at its destination')
    assert len(appliance.messages) == 1
    assert all(was_tls for _, _, was_tls in appliance.messages + far.messages)
    hops = wait_for(lambda: len(d := [e for e in events(ours, f'x@{FAR}') if e['kind'] in ('delivered', 'relayed')]) == 2
                    and d, 'both hops in the trace')
    assert {e['connector'] for e in hops} == {'appliance', 'far'}
    assert all(e['receipt']['got'] == 'name' for e in hops)


def between(ours, trusted=(), connectors=()):
    """Contoso's server is known by certificate; fabrikam asks contoso's mail for another certificate."""
    return {
        'organisations': [organisation('contoso'), organisation('fabrikam')],
        'domains': [
            {'name': 'contoso.example', 'organisation': 'contoso', 'delivery': f'maildir:{ours.mail}/{{local}}'},
            {'name': 'fabrikam.example', 'organisation': 'fabrikam', 'delivery': f'maildir:{ours.mail}/{{local}}'}],
        'connectors': [
            *connectors,
            {'name': 'contoso', 'organisation': 'fabrikam', 'type': 'partner',
             'inbound': {'sender_domains': ['contoso.example'], 'require_tls': True,
                         'certificate_name': 'mail.contoso.example', 'restrict_to_certificate': True,
                         'trusted_organisations': list(trusted)}}]}


def test_from_one_organisation_to_another(ours, peer, authority):
    """The hop inside proves TLS; who sends it proves only where the other organisation trusts that."""
    server = own_server('contoso', 'out.contoso.example', authority)
    certificate = authority.issue('out.contoso.example')
    ours.apply(between(ours, (), [server]))
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        ours.send('a@contoso.example', 'bob@fabrikam.example', certificate=certificate)
    assert refused.value.recipients['bob@fabrikam.example'][0] == 550
    assert not ours.maildir('bob')
    ours.apply(between(ours, ['contoso'], [server]))
    ours.send('a@contoso.example', 'bob@fabrikam.example', certificate=certificate)
    ours.wait_mail('bob')
    # A connector without smart hosts asks for no more than the hop inside has: the mail stays here.
    ours.apply(between(ours, ['contoso'], [server, outbound_partner(
        'contoso', 'to-fabrikam', 'fabrikam.example', (), 'name')]))
    ours.send('a@contoso.example', 'bob@fabrikam.example', certificate=certificate)
    ours.wait_mail('bob', 2)
    handed = wait_for(lambda: len(h := [e for e in events(ours, 'bob@fabrikam.example') if e['kind'] == 'handed-over']) == 2
                      and h, 'the hop inside in the trace')
    assert {(e['organisation'], e['connector'], e['receipt']['attempt'], e['receipt']['got']) for e in handed} == {
        ('fabrikam', 'contoso', 'local', 'name')}
    # With smart hosts it leaves, and nothing is judged inside.
    gateway = peer('gateway.example')
    ours.apply(between(ours, (), [server, outbound_partner(
        'contoso', 'to-fabrikam', 'fabrikam.example', [f'127.0.0.1:{gateway.port}'], 'name', 'gateway.example',
        authority.pem)]))
    ours.send('a@contoso.example', 'bob@fabrikam.example', certificate=certificate)
    wait_for(lambda: gateway.messages, 'the message at the gateway')
    assert len(ours.maildir('bob')) == 2
    assert len([e for e in events(ours, 'bob@fabrikam.example') if e['kind'] == 'handed-over']) == 2


def test_a_rule_of_the_recipients_organisation(ours, authority):
    """Mail that is somebody else's own is incoming to the one it is for."""
    config = between(ours, ['contoso'], [own_server('contoso', 'out.contoso.example', authority)])
    config['rules'] = [
        {'name': 'no-lists', 'organisation': 'fabrikam', 'direction': 'incoming', 'senders': ['list@contoso.example'],
         'action': 'refuse', 'text': 'No lists here'},
        {'name': 'not-mine', 'organisation': 'contoso', 'direction': 'incoming', 'action': 'refuse'}]
    ours.apply(config)
    certificate = authority.issue('out.contoso.example')
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        ours.send('list@contoso.example', 'bob@fabrikam.example', message('l', 'b'), certificate=certificate)
    code, text = refused.value.recipients['bob@fabrikam.example']
    assert code == 550 and b'No lists here' in text
    ours.send('a@contoso.example', 'bob@fabrikam.example', certificate=certificate)
    ours.wait_mail('bob')
