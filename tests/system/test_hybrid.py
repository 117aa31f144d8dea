"""One organisation in two places: Postfix on its premises, Sealpost in the cloud, which know each other by certificate.

bob's mailbox is here, eve's is on the premises; both are at contoso.example."""
import email
import smtplib

import pytest

from oddpeer import OddPeer
from peers import Postfix
from sealpost import message
from setups import QUICK_QUEUE, organisation
from waiting import wait_for

pytestmark = pytest.mark.sanitized

DOMAIN = 'contoso.example'
PREMISES = 'mail.contoso.example'
CLOUD = 'mx.cloud.example'
OUTSIDE = 'outside.example'
SENT = {'X-MS-Exchange-CrossPremises-SCL': '-1', 'X-Sealpost-CrossPremises-Note': 'from home',
        'X-MS-Exchange-Organization-AuthAs': 'Internal', 'X-Sealpost-Organization-AuthAs': 'internal'}


class Hybrid:
    def __init__(self, directory, instances, authority, presented=None):
        """PRESENTED: the certificate of the premises' Postfix; without it the right one."""
        self.cloud = instances(directory / 'cloud', CLOUD, [('mx', authority.issue(CLOUD))],
                               node={'queue': QUICK_QUEUE})
        self.authority = authority
        own = presented or authority.issue(PREMISES)
        self.premises = Postfix(directory / 'premises', PREMISES, {
            'smtpd_tls_security_level': 'may', 'smtpd_tls_cert_file': own.chain, 'smtpd_tls_key_file': own.key,
            'smtp_tls_cert_file': own.chain, 'smtp_tls_key_file': own.key, 'smtp_tls_security_level': 'encrypt',
            'relayhost': f'[127.0.0.1]:{self.cloud.port}',
            'transport_maps': f'texthash:{directory}/transport',
        }).accept_domain(DOMAIN, 'eve', 'bob', 'guest')
        self.outside = OddPeer(authority.issue(OUTSIDE))
        # What the premises know: bob's mailbox is in the cloud, and how to reach the third party.
        (directory / 'transport').write_text(f'bob@{DOMAIN} smtp:[127.0.0.1]:{self.cloud.port}\n'
                                             f'third.example smtp:[127.0.0.1]:{self.outside.port}\n')

    def start(self, **more):
        self.premises.start()
        self.cloud.start()
        self.apply(**more)
        return self

    def close(self):
        self.outside.close()
        self.premises.stop()

    def config(self, place='authoritative', outbound=None, connectors=(), delivery=None):
        return {
            'organisations': [organisation('contoso')],
            'domains': [{'name': DOMAIN, 'organisation': 'contoso', 'directory': True, 'type': place,
                         'delivery': delivery or f'maildir:{self.cloud.mail}/{{local}}'}],
            'recipients': [{'address': f'bob@{DOMAIN}'}, {'address': f'eve@{DOMAIN}', 'place': 'on-premises'}],
            'connectors': [
                {'name': 'premises', 'organisation': 'contoso', 'type': 'on-premises', 'trust': self.authority.pem,
                 'inbound': {'certificate_name': PREMISES, 'cross_premises_headers': True},
                 'outbound': {'all_accepted_domains': True, 'smart_hosts': [f'127.0.0.1:{self.premises.port}'],
                              'tls': 'name', 'tls_domain': PREMISES, 'cross_premises_headers': True,
                              **(outbound or {})}},
                {'name': 'outside', 'organisation': 'contoso', 'type': 'partner', 'trust': self.authority.pem,
                 'outbound': {'recipient_domains': [OUTSIDE], 'smart_hosts': [f'127.0.0.1:{self.outside.port}'],
                              'tls': 'name', 'tls_domain': OUTSIDE}},
                *connectors]}

    def apply(self, **more):
        self.cloud.apply(self.config(**more))

    def from_premises(self, sender, recipient, headers=None):
        """Hand a message to Postfix, as a client on its premises would."""
        with smtplib.SMTP('127.0.0.1', self.premises.port, timeout=30) as client:
            client.sendmail(sender, [recipient], with_headers(sender, recipient, headers or {}))

    def from_stranger(self, sender, recipient, headers=None):
        self.cloud.send(sender, recipient, with_headers(sender, recipient, headers or {}))

    def at_premises(self, local, count=1):
        files = wait_for(lambda: len(m := self.premises.maildir(local)) >= count and m, f'mail for {local} on the premises')
        return [email.message_from_bytes(f.read_bytes()) for f in files]

    def at_outside(self, count=1):
        wait_for(lambda: len(self.outside.messages) >= count, 'mail outside')
        return [email.message_from_bytes(bytes(content)) for _, content, _ in self.outside.messages]

    def received(self, recipient):
        """The event of a message's reception."""
        def look():
            found = self.cloud.json('trace', '--to', recipient)
            events = [e for item in found for e in self.cloud.json('trace', item['id'])['events']]
            return next((e for e in events if e['kind'] == 'received'), None)
        return wait_for(look, f'the trace of mail for {recipient}')


def with_headers(sender, recipient, headers):
    return ''.join(f'{name}: {value}\r\n' for name, value in headers.items()) + message(sender, recipient)


def own_headers(got):
    """The organisation's own header fields of a message."""
    return {name: value for name, value in got.items()
            if name.lower().startswith(('x-ms-exchange-organization', 'x-ms-exchange-crosspremises', 'x-sealpost-'))}


@pytest.fixture
def hybrid(tmp_path, instances, authority):
    made = Hybrid(tmp_path, instances, authority)
    try:
        yield made.start()
    finally:
        made.close()


def refusal(send, sender, recipient):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(sender, recipient)
    code, text = refused.value.recipients[recipient]
    return code, text.decode()


def test_the_premises_relay_by_certificate(hybrid):
    hybrid.from_premises(f'eve@{DOMAIN}', f'x@{OUTSIDE}', SENT)
    got = hybrid.at_outside()[0]
    assert own_headers(got) == {}, 'nothing of the organisation leaves it'
    event = hybrid.received(f'x@{OUTSIDE}')
    assert event['connector'] == 'premises' and event['receipt']['name_matched'] == PREMISES
    assert event['receipt']['verdict'] == 'trusted' and event['receipt']['got'] == 'name'


def test_headers_of_the_premises_are_promoted(hybrid):
    hybrid.from_premises(f'eve@{DOMAIN}', f'bob@{DOMAIN}', SENT)
    got = hybrid.cloud.wait_mail('bob')[0]
    assert own_headers(got) == {
        'X-Sealpost-Organization-Directionality': 'originating', 'X-Sealpost-Organization-AuthAs': 'internal',
        'X-Sealpost-Organization-AuthSource': CLOUD, 'X-MS-Exchange-Organization-SCL': '-1',
        'X-Sealpost-Organization-Note': 'from home'}
    assert got['Subject'] == 'A test'


def test_headers_of_strangers_are_stripped(hybrid):
    hybrid.from_stranger(f'x@{OUTSIDE}', f'bob@{DOMAIN}', SENT)
    got = hybrid.cloud.wait_mail('bob')[0]
    assert own_headers(got) == {
        'X-Sealpost-Organization-Directionality': 'incoming', 'X-Sealpost-Organization-AuthAs': 'anonymous',
        'X-Sealpost-Organization-AuthSource': CLOUD}


def test_headers_cross_to_the_proven_premises(hybrid):
    hybrid.from_stranger(f'x@{OUTSIDE}', f'eve@{DOMAIN}', SENT)
    got = hybrid.at_premises('eve')[0]
    assert own_headers(got) == {
        'X-Sealpost-CrossPremises-Directionality': 'incoming', 'X-Sealpost-CrossPremises-AuthAs': 'anonymous',
        'X-Sealpost-CrossPremises-AuthSource': CLOUD}
    # Only where the connector says so.
    hybrid.apply(outbound={'cross_premises_headers': False})
    hybrid.from_stranger(f'x@{OUTSIDE}', f'eve@{DOMAIN}', SENT)
    assert own_headers(hybrid.at_premises('eve', 2)[1]) == {}


def test_the_directory_says_who_lives_where(hybrid):
    code, text = refusal(hybrid.from_stranger, f'x@{OUTSIDE}', f'nobody@{DOMAIN}')
    assert code == 550 and text.startswith('5.1.1'), text
    hybrid.from_stranger(f'x@{OUTSIDE}', f'bob+tag@{DOMAIN}')
    hybrid.from_stranger(f'x@{OUTSIDE}', f'eve@{DOMAIN}')
    hybrid.cloud.wait_mail('bob+tag')
    hybrid.at_premises('eve')
    refused = wait_for(lambda: hybrid.cloud.json('trace', '--outcome', 'refused'), 'the refusal in the trace')[0]
    assert refused['last']['token'] == 'unknown-recipient'
    # Who is not known here may be known there.
    hybrid.apply(place='internal-relay')
    hybrid.from_stranger(f'x@{OUTSIDE}', f'guest@{DOMAIN}')
    hybrid.at_premises('guest')


def test_mail_is_not_sent_back_to_where_it_came_from(hybrid, authority):
    """The premises hold eve to be here, and the directory holds her to be there."""
    def send(sender, recipient):
        hybrid.cloud.send(sender, recipient, certificate=authority.issue(PREMISES, file='loop'))
    code, text = refusal(send, f'joe@{DOMAIN}', f'eve@{DOMAIN}')
    assert code == 554 and text.startswith('5.4.6'), text
    event = wait_for(lambda: hybrid.cloud.json('trace', '--outcome', 'refused'), 'the refusal in the trace')[0]['last']
    assert event['token'] == 'loop' and event['connector'] == 'premises'


def test_all_that_leaves_goes_by_the_premises(hybrid, authority):
    """What the cloud itself has to say, a notice to a sender outside; what comes from the premises goes on."""
    mailboxes = OddPeer(lmtp=True, recipients={f'bob@{DOMAIN}': '550 5.7.1 no'})
    try:
        desk = {'name': 'desk', 'organisation': 'contoso', 'type': 'on-premises', 'trust': authority.pem,
                'inbound': {'certificate_name': f'desk.{DOMAIN}'}}
        hybrid.apply(outbound={'route_all_via_on_premises': True}, connectors=[desk], delivery=f'lmtp:127.0.0.1:{mailboxes.port}')
        hybrid.from_stranger('x@third.example', f'bob@{DOMAIN}')
        notice = hybrid.at_outside()[0]
        assert notice.get_content_type() == 'multipart/report' and notice['To'] == '<x@third.example>'
        assert PREMISES in notice.get_all('Received')[0]
        with hybrid.cloud.smtp(certificate=authority.issue(PREMISES, file='relay')) as client:
            client.sendmail(f'eve@{DOMAIN}', ['x@fourth.example'], with_headers('eve', 'x', {}))
        item = wait_for(lambda: hybrid.cloud.json('queue', 'list', '--recipient', 'x@fourth.example'), 'it in the queue')[0]
        assert item['recipients'][0]['route'].startswith('mx:fourth.example'), item
        # Another of the organisation's own servers only brings the mail.
        with hybrid.cloud.smtp(certificate=authority.issue(f'desk.{DOMAIN}')) as client:
            client.sendmail(f'eve@{DOMAIN}', ['y@third.example'], with_headers('eve', 'y', {}))
        assert PREMISES in str(hybrid.at_outside(2)[1].get_all('Received'))
        # The connector that names the domain comes before the one for everything.
        hybrid.from_stranger(f'x@{OUTSIDE}', f'bob@{DOMAIN}')
        assert PREMISES not in str(hybrid.at_outside(3)[2].get_all('Received'))
    finally:
        mailboxes.close()


@pytest.fixture
def unproven(tmp_path, instances, authority, foreign_authority):
    made = Hybrid(tmp_path, instances, authority, foreign_authority.issue(PREMISES))
    try:
        yield made.start()
    finally:
        made.close()


def test_an_unproven_server_is_nobody(unproven):
    """Of the right name, and by an authority that is not ours."""
    unproven.from_premises(f'eve@{DOMAIN}', f'bob@{DOMAIN}', SENT)
    got = unproven.cloud.wait_mail('bob')[0]
    assert own_headers(got) == {
        'X-Sealpost-Organization-Directionality': 'incoming', 'X-Sealpost-Organization-AuthAs': 'anonymous',
        'X-Sealpost-Organization-AuthSource': CLOUD}
    unproven.from_premises(f'eve@{DOMAIN}', f'x@{OUTSIDE}', SENT)
    refused = wait_for(lambda: unproven.cloud.json('trace', '--outcome', 'refused'), 'the refusal in the trace')[0]
    assert refused['last']['token'] == 'relay-denied'
    assert refused['last']['receipt']['verdict'] in ('untrusted-root', 'missing-intermediate')
    assert unproven.outside.messages == []
    # Nor is anything sent to it.
    unproven.from_stranger(f'x@{OUTSIDE}', f'eve@{DOMAIN}')

    def waiting():
        items = unproven.cloud.json('queue', 'list', '--recipient', f'eve@{DOMAIN}')
        return items and items[0]['recipients'][0]['attempts'] >= 1 and items[0]['recipients'][0]
    assert wait_for(waiting, 'a first attempt')['last_token'] in ('untrusted-root', 'missing-intermediate')
    # But for the premises' own notice on what was refused above.
    assert [m['From'] for m in unproven.at_premises('eve') if 'MAILER-DAEMON' not in m['From']] == []


# ---- two organisations of one installation ---------------------------------------------------------------------------


def neighbour(hybrid, **inbound):
    """Another organisation here, which takes contoso's mail with a certificate only."""
    config = hybrid.config()
    config['organisations'].append(organisation('woodgrove', None, maximum_message=200000))
    config['domains'].append({'name': 'woodgrove.example', 'organisation': 'woodgrove',
                              'delivery': f'maildir:{hybrid.cloud.mail}/{{local}}'})
    config['connectors'].append({
        'name': 'contoso', 'organisation': 'woodgrove', 'type': 'partner', 'trust': hybrid.authority.pem,
        'inbound': {'sender_domains': [DOMAIN], 'require_tls': True, 'certificate_name': 'mx.else.example',
                    'restrict_to_certificate': True, **inbound}})
    return config


def test_mail_for_another_organisation_here_is_handed_over(hybrid, authority):
    certificate = authority.issue(PREMISES, file='neighbour')
    hybrid.cloud.apply(neighbour(hybrid))
    with hybrid.cloud.smtp(certificate=certificate) as client:
        client.mail(f'eve@{DOMAIN}')
        code, text = client.rcpt('ann@woodgrove.example')
        assert code == 550 and text.startswith(b'5.7.51'), text
        assert b'premises' not in text
        assert client.rcpt(f'bob@{DOMAIN}')[0] == 250, 'each recipient is judged by its own organisation'
    refused = wait_for(lambda: hybrid.cloud.json('trace', '--outcome', 'refused'), 'the refusal in the trace')[0]['last']
    assert (refused['organisation'], refused['connector']) == ('woodgrove', 'contoso')

    hybrid.cloud.apply(neighbour(hybrid, trusted_organisations=['contoso']))
    hybrid.cloud.send(f'eve@{DOMAIN}', ['ann@woodgrove.example', f'bob@{DOMAIN}'],
                      with_headers(f'eve@{DOMAIN}', 'ann@woodgrove.example', SENT), certificate=certificate)
    assert own_headers(hybrid.cloud.wait_mail('ann')[0]) == {}, 'nothing of one organisation is told to another'
    hybrid.cloud.wait_mail('bob')
    item = hybrid.cloud.json('trace', '--to', 'ann@woodgrove.example')[0]
    over = next(e for e in hybrid.cloud.json('trace', item['id'])['events'] if e['kind'] == 'handed-over')
    assert (over['organisation'], over['connector'], over['token']) == ('woodgrove', 'contoso', 'ok')
    assert over['receipt']['reason'] == 'inside this installation' and over['recipient'] == 'ann@woodgrove.example'
