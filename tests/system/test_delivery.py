"""How mail leaves: connections and sessions, recipients with fates of their own, extensions, identity, memory."""
import hashlib
import pathlib
import re
import smtplib
import ssl
import threading

import pytest

from oddpeer import OddPeer
from sealpost import message
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

HOST = 'mx.partner.example'


@pytest.fixture
def make(tmp_path, instances, authority):
    """A Sealpost that relays for loopback; QUEUE goes to the node's section of that name."""
    def make(name='ours', **queue):
        return instances(tmp_path / name, f'mx.{name}.example', [('mx', authority.issue(f'mx.{name}.example'))],
                         node={'queue': {**QUICK_QUEUE, **queue}}).start()
    return make


@pytest.fixture
def odd():
    """Make OddPeers; all are closed at the end."""
    made = []

    def make(*arguments, **named):
        made.append(OddPeer(*arguments, **named))
        return made[-1]

    yield make
    for peer in made:
        peer.behaviour.get('hold', threading.Event()).set()
        peer.close()


def configure(ours, *connectors, delivery=None):
    domains = [local_domain('ours.example', 'ours', ours)]
    if delivery:
        domains.append({'name': 'box.example', 'organisation': 'ours', 'delivery': delivery})
    ours.apply({'organisations': [organisation('ours', None)], 'domains': domains,
                'connectors': [own_server_by_address('ours'), *connectors]})


def partner(peer, tls='none', **more):
    return outbound_partner('ours', 'partner', 'partner.example', [f'127.0.0.1:{peer.port}'], tls, **more)


def receipts(ours, address):
    return [e['receipt'] for item in ours.json('trace', '--to', address)
            for e in ours.json('trace', item['id'])['events'] if e['kind'] in ('delivered', 'relayed')]


def queued(ours):
    return {r['address']: r for item in ours.json('queue', 'list') for r in item['recipients']}


# ---- connections and sessions --------------------------------------------------------------------------------------


def test_connections_are_used_again(make, odd, authority):
    peer = odd(authority.issue(HOST, file='reuse'))
    ours = make(connections_per_destination=2)
    configure(ours, partner(peer, 'encrypt'))
    with ours.smtp() as client:
        for n in range(40):
            client.sendmail('eve@ours.example', [f'm{n}@partner.example'],
                            message('eve@ours.example', f'm{n}@partner.example'))
    wait_for(lambda: len(peer.messages) == 40, '40 messages at the peer')
    assert peer.connections <= 3, peer.connections
    assert {envelope[1].split()[1] for envelope, _, _ in peer.messages} == \
        {f'TO:<m{n}@partner.example>'.encode() for n in range(40)}
    assert all(was_tls for _, _, was_tls in peer.messages)


def test_a_connection_carries_no_more_messages_than_it_may(make, odd):
    peer = odd()
    ours = make(connections_per_destination=1, messages_per_connection=3)
    configure(ours, partner(peer))
    for n in range(7):
        ours.send('eve@ours.example', f'm{n}@partner.example')
    wait_for(lambda: len(peer.messages) == 7, '7 messages at the peer')
    assert peer.connections >= 3


@pytest.mark.parametrize('tls', ['none', 'encrypt'])
def test_a_kept_connection_that_has_died_costs_nothing(make, odd, authority, tls):
    """The message goes over a new one at once: nothing is deferred for it."""
    peer = odd(authority.issue(HOST, file='kept') if tls == 'encrypt' else None)
    ours = make(idle_connection='60s')
    configure(ours, partner(peer, tls))
    for n in range(3):
        ours.send('eve@ours.example', f'm{n}@partner.example')
        wait_for(lambda: receipts(ours, f'm{n}@partner.example'), f'message {n}')
        assert peer.connections == n + 1
        peer.drop()
    kinds = [e['kind'] for item in ours.json('trace', '--from', 'eve@ours.example')
             for e in ours.json('trace', item['id'])['events']]
    assert 'deferred' not in kinds and len(peer.messages) == 3


def test_a_kept_connection_serves_no_stricter_connector(make, odd, authority):
    """What was good enough before the connector changed, or is for another connector, is not good enough now."""
    peer = odd()  # speaks no TLS
    ours = make(idle_connection='60s')
    target = [f'127.0.0.1:{peer.port}']
    strict = outbound_partner('ours', 'strict', 'strict.example', target, 'encrypt')
    configure(ours, partner(peer), strict)
    ours.send('eve@ours.example', 'one@partner.example')
    wait_for(lambda: receipts(ours, 'one@partner.example'), 'the first message')
    assert peer.connections == 1
    ours.send('eve@ours.example', 'secret@strict.example')
    configure(ours, partner(peer, 'encrypt'), strict)
    ours.send('eve@ours.example', 'secret@partner.example')
    for address in ('secret@strict.example', 'secret@partner.example'):
        wait_for(lambda: queued(ours).get(address, {}).get('attempts', 0) >= 2, f'attempts for {address}')
        assert queued(ours)[address]['last_token'] == 'no-starttls'
    assert len(peer.messages) == 1 and b'secret' not in bytes(peer.clear)


@pytest.mark.parametrize('version', ['TLSv1_2', 'TLSv1_3'])
def test_tls_sessions_are_resumed(make, odd, authority, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = authority.issue(HOST, file=f'resume-{version}')
    context.load_cert_chain(certificate.chain, certificate.key)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    peer = odd(context=context)
    ours = make(idle_connection='0s')
    configure(ours, partner(peer, 'name', tls_domain=HOST, trust=authority.pem))
    for n in range(2):
        ours.send('eve@ours.example', f'm{n}@partner.example')
        shown = wait_for(lambda: receipts(ours, f'm{n}@partner.example'), f'receipt {n}')[0]
        assert shown.get('resumed', False) == (n == 1), shown
        # What was proven holds for the resumed session as well.
        assert shown['verdict'] == 'trusted' and shown['name_matched'] == HOST and shown['chain']
    assert peer.connections == 2


@pytest.mark.parametrize('limit', [2, 5])
def test_connections_at_once(make, odd, limit):
    peer = odd(hold=threading.Event())
    ours = make(connections_per_destination=limit)
    configure(ours, partner(peer))
    for n in range(8):
        ours.send('eve@ours.example', f'm{n}@partner.example')
    wait_for(lambda: peer.holding == limit, f'{limit} transactions at once')
    peer.behaviour['hold'].set()
    wait_for(lambda: len(peer.messages) == 8, 'all messages')
    assert peer.most_holding == limit


# ---- recipients with fates of their own ----------------------------------------------------------------------------


def test_recipients_of_one_transaction(make, odd):
    peer = odd(recipients={'one@partner.example': '550 5.1.1 nobody here', 'two@partner.example': '451 4.2.0 later'})
    ours = make()
    configure(ours, partner(peer))
    ours.send('eve@ours.example', [f'{local}@partner.example' for local in ('one', 'two', 'three')])
    wait_for(lambda: peer.messages, 'the message for the third')
    first = peer.messages[0]
    assert [b'<three@' in line for line in first[0][1:]] == [True]

    bounce = ours.wait_mail('eve')[0].as_string()
    assert 'one@partner.example' in bounce and 'Status: 5.1.1' in bounce
    assert 'Final-Recipient: rfc822;two@' not in bounce.replace('; ', ';')
    assert 'Final-Recipient: rfc822;three@' not in bounce.replace('; ', ';')
    left = wait_for(lambda: (q := queued(ours)).get('two@partner.example', {}).get('attempts', 0) >= 1 and q,
                    'the second to wait')
    assert set(left) == {'two@partner.example'}
    assert '451' in left['two@partner.example']['last_text']

    peer.behaviour['recipients'] = {}
    wait_for(lambda: len(peer.messages) == 2, 'the second at another attempt')
    assert [b'<two@' in line for line in peer.messages[1][0][1:]] == [True]
    wait_for(lambda: not queued(ours), 'the queue to be empty')
    assert len(ours.maildir('eve')) == 1 and len(peer.messages) == 2


@pytest.mark.parametrize('ours_most, theirs_most, transactions', [(20, 100, [20, 20, 5]), (100, 15, [15, 15, 15])])
def test_many_recipients_take_several_transactions(make, odd, ours_most, theirs_most, transactions):
    peer = odd(most_recipients=theirs_most)
    ours = make(recipients_per_transaction=ours_most)
    configure(ours, partner(peer))
    everybody = [f'r{n}@partner.example' for n in range(45)]
    ours.send('eve@ours.example', everybody)
    wait_for(lambda: not queued(ours) and peer.messages, 'the queue to be empty')
    assert sorted((len(envelope) - 1 for envelope, _, _ in peer.messages), reverse=True) == transactions
    got = [line.split(b'<')[1].split(b'>')[0].decode() for envelope, _, _ in peer.messages for line in envelope[1:]]
    assert sorted(got) == sorted(everybody), 'everybody, and nobody twice'
    assert len({bytes(content) for _, content, _ in peer.messages}) == 1
    assert peer.connections <= len(transactions)


def test_lmtp_replies_for_each_recipient(make, odd):
    peer = odd(lmtp=True, finals={'one@box.example': '552 5.2.2 mailbox full', 'two@box.example': '451 4.3.0 later'})
    ours = make()
    configure(ours, delivery=f'lmtp:127.0.0.1:{peer.port}')
    ours.send('eve@ours.example', [f'{local}@box.example' for local in ('one', 'two', 'three')])
    bounce = ours.wait_mail('eve')[0].as_string()
    assert 'one@box.example' in bounce and 'Status: 5.2.2' in bounce
    assert not re.search('Final-Recipient: *rfc822; *(two|three)@', bounce)
    left = wait_for(lambda: (q := queued(ours)).get('two@box.example', {}).get('attempts', 0) >= 1 and q,
                    'the second to wait')
    assert set(left) == {'two@box.example'}
    peer.behaviour['finals'] = {}
    wait_for(lambda: not queued(ours), 'the queue to be empty')
    assert len(peer.messages[0][0]) == 4, 'all three in one transaction'
    assert [b'<two@' in line for line in peer.messages[-1][0][1:]] == [True]
    assert all(command.split()[0] != 'EHLO' for command in peer.commands)


# ---- extensions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('offer, verb', [(['PIPELINING', 'CHUNKING'], 'BDAT'), (['PIPELINING'], 'DATA'), ([], 'DATA')])
def test_chunks_where_offered(make, odd, offer, verb):
    peer = odd(offer=offer)
    ours = make()
    configure(ours, partner(peer))
    body = '.\r\n..\r\n' + 'x' * 900 + '\r\n.leading\r\n'
    ours.send('eve@ours.example', 'bob@partner.example', message('eve@ours.example', 'bob@partner.example', body=body))
    wait_for(lambda: peer.messages, 'the message')
    verbs = {command.split()[0].upper() for command in peer.commands}
    assert verb in verbs and not ({'BDAT', 'DATA'} - {verb}) & verbs
    content = bytes(peer.messages[0][1])
    if verb == 'DATA':
        content = content.replace(b'\r\n.', b'\r\n')
    assert content.endswith(b'\r\n\r\n' + body.encode())


def test_internationalised_addresses_cross(make, odd):
    ours, theirs = make('ours'), make('theirs')
    plain = odd(offer=['8BITMIME'])
    configure(ours, outbound_partner('ours', 'theirs', 'theirs.example', [f'127.0.0.1:{theirs.port}'], 'encrypt'),
              partner(plain))
    theirs.apply({'organisations': [organisation('theirs', None)],
                  'domains': [local_domain('theirs.example', 'theirs', theirs)]})
    text = 'From: <zoë@ours.example>\r\nTo: <jürgen@theirs.example>\r\nSubject: grüße\r\n\r\nHello.\r\n'.encode()
    for to in ('jürgen@theirs.example', 'jürgen@partner.example'):
        with ours.smtp() as client:
            client.sendmail('eve@ours.example', [to], text, mail_options=['SMTPUTF8', 'BODY=8BITMIME'])
    got = theirs.wait_mail('j%C3%BCrgen')[0]  # names of directories stay ASCII
    assert 'UTF8SMTPS' in str(got['Received']) and str(got['Subject'])
    # Who cannot take it does not get it.
    bounce = ours.wait_mail('eve')[0].as_string()
    assert 'Action: failed' in bounce and 'Status: 5.6.7' in bounce
    assert plain.messages == []


def test_what_the_sender_asked_of_notifications_is_passed_on(make, odd):
    peer = odd()
    ours = make()
    configure(ours, partner(peer))
    with ours.smtp() as client:
        client.sendmail('eve@ours.example', ['bob@partner.example'], message('eve@ours.example', 'bob@partner.example'),
                        mail_options=['RET=HDRS', 'ENVID=QQ+2B314159'],
                        rcpt_options=['NOTIFY=SUCCESS,DELAY', 'ORCPT=rfc822;Bob+2BCarol@ours.example'])
    wait_for(lambda: peer.messages, 'the message')
    mail, to = (next(c for c in peer.commands if c.startswith(verb)) for verb in ('MAIL', 'RCPT'))
    assert 'RET=HDRS' in mail and 'ENVID=QQ+2B314159' in mail
    notify = re.search(r'NOTIFY=(\S+)', to)
    assert notify and set(notify.group(1).split(',')) == {'SUCCESS', 'DELAY'}
    assert 'ORCPT=rfc822;Bob+2BCarol@ours.example' in to


# ---- identity ------------------------------------------------------------------------------------------------------


def test_the_certificate_is_shown_only_to_whom_the_connector_says(make, odd, authority):
    def asking(name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = authority.issue(HOST, file=f'asking-{name}')
        context.load_cert_chain(certificate.chain, certificate.key)
        context.load_verify_locations(authority.certificate)
        context.verify_mode = ssl.CERT_OPTIONAL
        return odd(context=context)

    named, other, domain = asking('named'), asking('other'), asking('domain')
    ours = make(idle_connection='0s')
    configure(ours, partner(named, 'encrypt', certificate='mx'),
              outbound_partner('ours', 'other', 'other.example', [f'127.0.0.1:{other.port}'], 'encrypt'),
              delivery=f'smtp:127.0.0.1:{domain.port}')
    for _ in range(2):  # the second time sessions may be resumed
        for address, peer in (('a@partner.example', named), ('a@other.example', other), ('a@box.example', domain)):
            before = len(peer.messages)
            ours.send('eve@ours.example', address)
            wait_for(lambda: len(peer.messages) > before, f'the message for {address}')
    mine = ssl.PEM_cert_to_DER_cert(pathlib.Path(ours.node['certificates'][0]['chain']).read_text())
    assert named.certificates == [mine, mine]
    assert set(other.certificates) == set(domain.certificates) == {None}
    told = wait_for(lambda: len(r := receipts(ours, 'a@partner.example')) == 2 and r, 'both receipts')
    assert [r['own_certificate'] for r in told] == ['mx', 'mx'] and any(r.get('resumed') for r in told), told
    assert not any(r.get('own_certificate') for r in receipts(ours, 'a@other.example'))


# ---- size ----------------------------------------------------------------------------------------------------------


def peak(pid):
    """Largest resident size of a process until now, in MiB."""
    return int(re.search(r'VmHWM:\s+(\d+) kB', pathlib.Path(f'/proc/{pid}/status').read_text()).group(1)) / 1024


def test_a_large_message_needs_little_memory(make):
    """30 MB through both servers; no process holds more than a small part of it."""
    ours, theirs = make('ours'), make('theirs')
    configure(ours, outbound_partner('ours', 'theirs', 'theirs.example', [f'127.0.0.1:{theirs.port}'], 'encrypt'))
    theirs.apply({'organisations': [organisation('theirs', None)],
                  'domains': [local_domain('theirs.example', 'theirs', theirs)]})
    ours.send('eve@ours.example', 'small@theirs.example')
    theirs.wait_mail('small')
    pids = {(i.hostname, p['role']): p['pid'] for i in (ours, theirs) for p in i.processes()}
    before = {key: peak(pid) for key, pid in pids.items()}

    line = ('x' * 76 + '\r\n').encode()
    body = line * (30 * 1024 * 1024 // len(line))
    with ours.smtp(timeout=120) as client:
        client.sendmail('eve@ours.example', ['large@theirs.example'], b'Subject: large\r\n\r\n' + body)
    new = theirs.mail / 'large' / 'new'
    file = wait_for(lambda: list(new.iterdir()), 'the large message', 120)[0]
    got = file.read_bytes().replace(b'\r\n', b'\n').partition(b'\n\n')[2]
    assert hashlib.sha256(got).digest() == hashlib.sha256(body.replace(b'\r\n', b'\n')).digest()
    grown = {key: peak(pid) - before[key] for key, pid in pids.items()}
    assert max(grown.values()) < 8, grown


def test_a_message_above_the_limit_is_refused(make):
    ours = make()
    configure(ours)
    with ours.smtp() as client:
        assert int(client.esmtp_features['size']) == 35 * 1024 * 1024
        with pytest.raises(smtplib.SMTPResponseException) as refusal:
            client.sendmail('eve@ours.example', ['eve@ours.example'], b'x\r\n' * (12 * 1024 * 1024))
    assert refusal.value.smtp_code == 552
