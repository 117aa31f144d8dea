"""A rollover while mail flows both ways: nobody waits, nothing fails, also with a partner that distrusts the new CA."""
import hashlib
import itertools
import smtplib
import ssl
import threading

import pytest

from certs import Authority
from oddpeer import OddPeer
from sealpost import message
from setups import local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

HOST = 'mx.ours.example'
MODERN, OLD = '127.0.0.1', '127.0.0.2'  # the addresses that the two senders come from
STEP = 12  # messages of each sender that must pass between two steps


def digest(certificate):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.leaf.read_text())).hexdigest()


def trusting(protocol, *authorities):
    context = ssl.SSLContext(protocol)
    context.verify_mode = ssl.CERT_REQUIRED
    for authority in authorities:
        context.load_verify_locations(authority.certificate)
    return context


class Sender(threading.Thread):
    """Sends without a pause, each message on a connection of its own; who is not taken for a reason of TLS comes again
    at once, as a mail server does."""

    def __init__(self, server, address, context, recipients):
        super().__init__(daemon=True)
        self.server, self.address, self.context = server, address, context
        self.from_ = 'a@ours.example'
        self.recipients = itertools.cycle(recipients)
        self.sent = []          # recipients
        self.seen = []          # SHA-256 of the server's certificate, one a message
        self.refused = []       # handshakes that this side broke off
        self.problems = []
        self.stopping = False

    def run(self):
        while not self.stopping and not self.problems:
            recipient = next(self.recipients)
            for attempt in range(4):
                try:
                    self.send(recipient)
                    break
                except ssl.SSLCertVerificationError as refusal:
                    self.refused.append(str(refusal))
                except (OSError, smtplib.SMTPException) as problem:
                    self.problems.append(f'{recipient}: {problem!r}')
                    break
            else:
                self.problems.append(f'{recipient}: no version of the certificate is accepted')

    def send(self, recipient):
        with smtplib.SMTP('127.0.0.1', self.server.port, 'client.example', 30, (self.address, 0)) as client:
            client._host = HOST  # the name that is asked for and verified
            client.starttls(context=self.context)
            seen = hashlib.sha256(client.sock.getpeercert(True)).hexdigest()
            client.sendmail(self.from_, [recipient], message(self.from_, recipient))
        self.seen.append(seen)
        self.sent.append(recipient)

    def pass_more(self, count=STEP):
        target = len(self.sent) + count
        wait_for(lambda: self.problems or len(self.sent) >= target, f'{count} more messages from {self.address}', 60)
        assert not self.problems

    def finish(self):
        self.stopping = True
        self.join(60)
        assert not self.problems, self.problems


def peer(certificate, *authorities):
    """A next hop that asks for our certificate, and refuses the handshake when it does not trust it."""
    context = trusting(ssl.PROTOCOL_TLS_SERVER, *authorities)
    context.load_cert_chain(certificate.chain, certificate.key)
    return OddPeer(context=context)


def shown_to(peer):
    return [hashlib.sha256(der).hexdigest() for der in peer.certificates]


@pytest.fixture
def stage(tmp_path, instances, authority):
    """Ours, two CAs for its certificate, and two partners; the old one only knows the first CA."""
    class Stage:
        first_ca = Authority(tmp_path / 'first-ca', 'The first CA')
        second_ca = Authority(tmp_path / 'second-ca', 'The second CA')
        first, second = first_ca.issue(HOST, file='v1'), second_ca.issue(HOST, file='v2')
        ours = instances(tmp_path / 'ours', HOST, node={'processes': {'receive': 2, 'deliver': 2}})
        modern = peer(authority.issue('mx.modern.example'), first_ca, second_ca)
        old = peer(authority.issue('mx.old.example'), first_ca)

        def bring(self, certificate, ca):
            self.ours.cli('cert', 'import', 'mx', certificate.chain, certificate.key, '--node', self.ours.write_node(),
                          '--trust', ca.certificate)

        def rollover(self, *words):
            return self.ours.cli('cert', 'rollover', *words, '--node', self.ours.write_node())

        def sender(self, address, *authorities):
            return Sender(self.ours, address, trusting(ssl.PROTOCOL_TLS_CLIENT, *authorities),
                          ['alice@ours.example', 'x@modern.example', 'x@old.example'])

    stage = Stage()
    stage.bring(stage.first, stage.first_ca)
    stage.ours.start()
    stage.ours.apply({
        'organisations': [organisation('ours', certificate='mx')],
        'domains': [local_domain('ours.example', 'ours', stage.ours)],
        'connectors': [own_server_by_address('ours', [MODERN], 'modern-server'),
                       own_server_by_address('ours', [OLD], 'old-server'),
                       outbound_partner('ours', 'modern', 'modern.example', [f'127.0.0.1:{stage.modern.port}'], 'encrypt'),
                       outbound_partner('ours', 'old', 'old.example', [f'127.0.0.1:{stage.old.port}'], 'encrypt')]})
    yield stage
    stage.modern.close()
    stage.old.close()


def deferred(instance):
    return sum(p['stats']['deferred'] + p['stats']['failed'] for p in instance.processes() if p['role'] == 'deliver')


def acceptance(instance):
    """{(partner, direction, version): (accepted, refused)}"""
    return {(a['partner'], a['direction'], a['version']): (a['accepted'], a['refused'])
            for a in instance.json('cert', 'acceptance', 'mx')}


def settled(senders, peers, ours):
    """Everything that was sent has arrived."""
    sent = [r for s in senders for r in s.sent]
    for domain, at in (('modern', peers[0]), ('old', peers[1])):
        wait_for(lambda: len(at.messages) >= sent.count(f'x@{domain}.example'), f'the mail to {domain}.example', 60)
        assert len(at.messages) == sent.count(f'x@{domain}.example')
        assert all(tls for _, _, tls in at.messages)
    ours.wait_mail('alice', sent.count('alice@ours.example'), 60)
    assert deferred(ours) == 0 and ours.json('queue', 'list') == []


def test_a_rollover_under_load(stage):
    v1, v2 = digest(stage.first), digest(stage.second)
    modern, old = stage.sender(MODERN, stage.first_ca, stage.second_ca), stage.sender(OLD, stage.first_ca)
    senders, peers = (modern, old), (stage.modern, stage.old)
    session = stage.ours.smtp()
    pids = {p['pid'] for p in stage.ours.processes()}
    for sender in senders:
        sender.start()

    def pass_more():
        for sender in senders:
            sender.pass_more()

    pass_more()
    stage.bring(stage.second, stage.second_ca)
    pass_more()
    assert set(modern.seen) == set(old.seen) == {v1} == set(shown_to(stage.modern)) == set(shown_to(stage.old))

    # A trial with one partner: nobody else notices.
    stage.rollover('start', 'mx', '--connector=ours/modern')
    wait_for(lambda: v2 in shown_to(stage.modern), 'the modern partner to see the second version')
    pass_more()
    assert set(modern.seen) == set(old.seen) == {v1} == set(shown_to(stage.old))
    assert not stage.old.handshake_errors

    # Now everybody; who refuses it is shown the first again, in the same attempt.
    stage.rollover('advance', 'mx')
    wait_for(lambda: modern.seen[-1] == v2, 'the modern sender to see the second version')
    wait_for(lambda: stage.old.handshake_errors, 'the old partner to refuse the second version')
    pass_more()
    assert old.seen[-1] == v1 and old.refused and set(old.seen) == {v1}
    assert 'unknown' in stage.old.handshake_errors[0] or 'verify failed' in stage.old.handshake_errors[0]
    refusals = len(old.refused), len(stage.old.handshake_errors)
    assert refusals[0] <= 4, 'one after the other, until every process knows'
    assert refusals[1] <= 10, 'as many as are connected at once (queue.connections_per_destination)'
    pass_more()
    assert (len(old.refused), len(stage.old.handshake_errors)) == refusals, 'what was refused is remembered by all'

    check_explanations(stage)
    stage.rollover('back', 'mx')
    wait_for(lambda: modern.seen[-1] == v1, 'the first version to be back')
    stage.rollover('advance', 'mx')
    wait_for(lambda: modern.seen[-1] == v2, 'the second version again')
    pass_more()

    for sender in senders:
        sender.finish()
    settled(senders, peers, stage.ours)
    assert session.noop()[0] == 250, 'a session from before all this goes on'
    session.quit()
    assert {p['pid'] for p in stage.ours.processes()} == pids
    assert modern.refused == [] and stage.modern.handshake_errors == []
    check_accounts(stage)


def test_a_restart_forgets_no_refusal(stage):
    stage.bring(stage.second, stage.second_ca)
    stage.rollover('advance', 'mx')
    old = stage.sender(OLD, stage.first_ca)
    old.start()
    old.pass_more(3)
    wait_for(lambda: stage.old.messages, 'mail to the old partner')
    old.finish()
    assert 1 <= len(stage.old.handshake_errors) <= 2 and old.refused
    errors = len(stage.old.handshake_errors)
    stage.ours.stop()
    stage.ours.start()
    again = stage.sender(OLD, stage.first_ca)
    again.start()
    again.pass_more()
    again.finish()
    assert again.refused == [] and len(stage.old.handshake_errors) == errors
    settled((old, again), (stage.modern, stage.old), stage.ours)
    # The overlap is over: what was refused is all there is, and is shown again.
    stage.rollover('retire', 'mx')
    with pytest.raises(ssl.SSLCertVerificationError):
        again.send('alice@ours.example')
    assert explained(stage, '--from', OLD)['version'] == '2'


def test_a_share_of_the_clients(stage):
    """Who is in the trial stays in it, and a larger share has everybody in it that a smaller one has."""
    stage.bring(stage.second, stage.second_ca)
    addresses = [f'127.0.1.{i}' for i in range(1, 41)]
    both = (stage.first_ca, stage.second_ca)

    def in_trial():
        found = set()
        for address in addresses:
            sender = stage.sender(address, *both)
            sender.send('alice@ours.example')
            assert explained(stage, '--from', address)['sha256'] == sender.seen[0]
            if sender.seen[0] == digest(stage.second):
                found.add(address)
        return found

    stage.rollover('start', 'mx', '--share=30')
    few = in_trial()
    assert 0 < len(few) < 30 and in_trial() == few
    stage.rollover('cancel', 'mx')
    stage.rollover('start', 'mx', '--share=60')
    many = in_trial()
    assert few < many
    stage.rollover('cancel', 'mx')
    assert in_trial() == set()


def test_a_stranger_chooses_for_himself_alone(stage):
    """Whoever writes in a partner's name, and then refuses the certificate, changes nothing for the partner."""
    stage.ours.stop()
    stage.ours.node['processes'] = {'receive': 1}
    stage.bring(stage.second, stage.second_ca)
    stage.ours.start()
    stage.ours.cli('connector', 'add', 'ours/known', '--type=partner', '--inbound.sender_domains=known.example')
    both = (stage.first_ca, stage.second_ca)
    partner, stranger = stage.sender('127.0.0.3', *both), stage.sender('127.0.0.4', *both)
    for sender in (partner, stranger):
        sender.from_ = 'a@known.example'
        sender.send('alice@ours.example')
    stage.rollover('advance', 'mx')
    partner.send('alice@ours.example')
    assert partner.seen[-1] == digest(stage.second)
    stranger.context = trusting(ssl.PROTOCOL_TLS_CLIENT, stage.first_ca)
    with pytest.raises(ssl.SSLCertVerificationError):
        stranger.send('alice@ours.example')
    stranger.send('alice@ours.example')
    assert stranger.seen[-1] == digest(stage.first)
    partner.send('alice@ours.example')
    assert partner.seen[-1] == digest(stage.second)
    assert ('address 127.0.0.4', 'in', '2') in acceptance(stage.ours)
    assert ('connector ours/known', 'in', '2') not in {k for k, v in acceptance(stage.ours).items() if v[1] > 0}


def check_accounts(stage):
    accounts = acceptance(stage.ours)
    assert accounts['connector ours/modern', 'out', '1'][0] > 0 and accounts['connector ours/modern', 'out', '2'][0] > 0
    assert accounts['connector ours/modern', 'out', '2'][1] == 0
    assert accounts['connector ours/old', 'out', '2'][0] == 0 and accounts['connector ours/old', 'out', '2'][1] > 0
    assert accounts['connector ours/old', 'out', '1'][0] > 0 and accounts['connector ours/old', 'out', '1'][1] == 0
    told = stage.ours.cli('cert', 'acceptance', 'mx').stdout
    assert 'connector ours/old' in told and 'refuses' in told


def explained(stage, *words):
    return stage.ours.json('cert', 'explain', *words)['items'][0]


def check_explanations(stage):
    """What is told is what was seen."""
    modern, old = explained(stage, '--from', MODERN, '--name', HOST), explained(stage, '--from', OLD, '--name', HOST)
    assert (modern['version'], modern['reason'], modern['match']) == ('2', 'current', 'name')
    assert modern['sha256'] == digest(stage.second)
    assert (old['version'], old['reason']) == ('1', 'refused') and old['sha256'] == digest(stage.first)
    assert 'has refused version 2' in old['why']
    assert explained(stage, '--name', 'other.example')['match'] == 'default'
    to = f'127.0.0.1:{stage.old.port}'
    assert explained(stage, '--connector=ours/old', '--to', to)['version'] == '1'
    assert explained(stage, '--connector=ours/modern', '--to', to)['version'] == '2'
    assert 'by its address' in stage.ours.cli('cert', 'explain', '--from', OLD).stdout
    assert stage.ours.cli('cert', 'explain', '--to', to, check=False).returncode != 0
