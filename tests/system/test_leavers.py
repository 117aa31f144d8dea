"""Partners that do not trust our new certificate and say so by no alert: they leave, or refuse the mail by a reply."""
import hashlib
import json
import smtplib
import ssl

import pytest

from certs import Authority
from peers import Postfix
from sealpost import message
from setups import local_domain, organisation, outbound_partner, own_server_by_address
from test_rollover_load import acceptance, digest
from waiting import wait_for

HOST = 'mx.ours.example'
DOMAIN = 'ours.example'
SENDER, PROBE, CONNECTOR = '127.0.0.3', '127.0.0.4', '127.0.0.5'


@pytest.fixture
def stage(tmp_path, instances):
    """Ours with two receiving processes, and two CAs for its certificate, the second of which is new to the partners."""
    class Stage:
        first_ca = Authority(tmp_path / 'first-ca', 'The first CA')
        second_ca = Authority(tmp_path / 'second-ca', 'The second CA')
        first, second = first_ca.issue(HOST, file='v1'), second_ca.issue(HOST, file='v2')
        ours = instances(tmp_path / 'ours', HOST, node={'processes': {'receive': 2, 'deliver': 1}})
        servers = []

        def bring(self, certificate, ca):
            self.ours.cli('cert', 'import', 'mx', certificate.chain, certificate.key, '--node', self.ours.write_node(),
                          '--trust', ca.certificate)

        def apply(self, *connectors):
            self.ours.apply({'organisations': [organisation('ours', certificate='mx')],
                             'domains': [local_domain(DOMAIN, 'ours', self.ours)],
                             'connectors': [own_server_by_address('ours', [CONNECTOR], 'scanner'), *connectors]})

        def rollover(self, *words):
            return self.ours.cli('cert', 'rollover', *words, '--node', self.ours.write_node())

        def postfix(self, name, settings):
            server = Postfix(tmp_path / name, f'mx.{name}.example', settings)
            self.servers.append(server)
            return server.start()

        def verifying_postfix(self, level, version):
            """A Postfix that sends to us only with TLS of this version, and trusts the first CA alone."""
            return self.postfix('partner', {
                'relayhost': f'[127.0.0.1]:{self.ours.port}', 'smtp_tls_security_level': level,
                'smtp_tls_verify_cert_match': HOST, 'smtp_tls_secure_cert_match': HOST,
                'smtp_tls_CAfile': self.first_ca.certificate,
                'smtp_tls_mandatory_protocols': f'>={version}, <={version}',
                'default_destination_concurrency_limit': '1', 'smtp_destination_concurrency_limit': '1'})

    stage = Stage()
    stage.bring(stage.first, stage.first_ca)
    stage.ours.start()
    stage.apply()
    yield stage
    for server in stage.servers:
        server.stop()


def submit(postfix, recipient):
    with smtplib.SMTP('127.0.0.1', postfix.port, timeout=10) as client:
        client.sendmail('a@partner.example', [recipient], message('a@partner.example', recipient))


def come(ours, address, *recipients, sender='a@partner.example'):
    """Somebody who trusts whom it likes: sends to the recipients, if there are any.  SHA-256 of what it was shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP('127.0.0.1', ours.port, 'client.example', 30, (address, 0)) as client:
        client.starttls(context=context)
        shown = hashlib.sha256(client.sock.getpeercert(True)).hexdigest()
        client.ehlo()
        for recipient in recipients:
            client.sendmail(sender, [recipient], message(sender, recipient))
    return shown


@pytest.mark.parametrize('level, version', [('verify', 'TLSv1.2'), ('verify', 'TLSv1.3'), ('secure', 'TLSv1.3')])
def test_postfix_that_must_verify(stage, level, version):
    """It does not trust the second CA, leaves without a word, and gets the first version when it comes for the third time."""
    partner = stage.verifying_postfix(level, version)
    submit(partner, f'alice@{DOMAIN}')
    stage.ours.wait_mail('alice', 1)
    stage.bring(stage.second, stage.second_ca)
    stage.rollover('advance', 'mx')
    submit(partner, f'alice@{DOMAIN}')
    stage.ours.wait_mail('alice', 2, 60)
    log = partner.log_text()
    assert 'untrusted issuer' in log and f'Untrusted TLS connection established to 127.0.0.1[127.0.0.1]:{stage.ours.port}: {version}' in log
    assert 'Server certificate not' in log and 'status=bounced' not in log
    accounts = acceptance(stage.ours)
    assert accounts['address 127.0.0.1', 'in', '2'] == (0, 1) and accounts['address 127.0.0.1', 'in', '1'] == (2, 0)
    told = stage.ours.cli('cert', 'acceptance', 'mx').stdout
    assert 'left without sending' in told and 'refuses' in told
    events = [line for line in stage.ours.log_text().splitlines() if 'event=certificate.' in line and 'address=127.0.0.1' in line]
    assert [line.split('event=')[1].split()[0] for line in events] == ['certificate.left', 'certificate.refused']
    assert 'left without sending' in events[1]
    submit(partner, f'alice@{DOMAIN}')
    stage.ours.wait_mail('alice', 3)
    assert acceptance(stage.ours)['address 127.0.0.1', 'in', '2'] == (0, 1)


def test_who_counts_and_who_does_not(stage):
    """Both receiving processes count together; probes do not count, and mail in between wipes the slate."""
    v1, v2 = digest(stage.first), digest(stage.second)
    alice = f'alice@{DOMAIN}'
    assert come(stage.ours, SENDER, alice) == v1
    for _ in range(4):  # there is nothing else to show yet
        assert come(stage.ours, SENDER) == v1
    stage.bring(stage.second, stage.second_ca)
    for _ in range(4):  # neither is there now: the second is only published
        assert come(stage.ours, SENDER) == v1
    stage.rollover('advance', 'mx')
    for _ in range(6):
        assert come(stage.ours, PROBE) == v2
    for _ in range(4):
        assert come(stage.ours, SENDER) == v2
        assert come(stage.ours, SENDER, alice) == v2
    assert not [refused for _, refused in acceptance(stage.ours).values() if refused]
    left(stage, SENDER, v2)
    assert come(stage.ours, SENDER, alice) == v1
    assert [come(stage.ours, SENDER) for _ in range(4)] == [v1] * 4, 'it is not shown what it has refused'
    # A connector is known by its addresses.
    left(stage, CONNECTOR, v2)
    assert come(stage.ours, CONNECTOR) == v1
    row = {a['partner']: a for a in stage.ours.json('cert', 'acceptance', 'mx') if a['refused']}
    assert set(row) == {f'address {SENDER}', 'connector ours/scanner'}
    assert all(a['refused'] == 1 and a['reason'] == 'left without sending' and a['version'] == '2' for a in row.values())
    explained = stage.ours.json('cert', 'explain', '--from', SENDER)['items'][0]
    assert (explained['version'], explained['reason']) == ('1', 'refused')


def left(stage, address, shown):
    """Leaves twice, and waits until both processes know."""
    before = stage.ours.log_text().count('event=certificate.refused')
    assert come(stage.ours, address) == shown
    wait_for(lambda: f'event=certificate.left by=' in stage.ours.log_text(), 'the first to be noticed')

    def refused():
        if stage.ours.log_text().count('event=certificate.refused') > before:
            return True
        come(stage.ours, address)
        return False
    wait_for(refused, f'{address} to be taken for one that refuses')
    wait_for(lambda: stage.ours.json('cert', 'explain', '--from', address)['items'][0]['reason'] == 'refused', 'all to know')


# ---- next hops that refuse by a reply -------------------------------------------------------------


def test_postfix_that_refuses_mail_without_a_trusted_client_certificate(stage, authority):
    """A reply is no alert: the mail fails with these words, and no other version is tried."""
    pair = authority.issue('mx.partner.example')
    hop = Postfix(stage.ours.directory.parent / 'hop', 'mx.partner.example', {
        'smtpd_tls_security_level': 'may', 'smtpd_tls_cert_file': pair.chain, 'smtpd_tls_key_file': pair.key,
        'smtpd_tls_ask_ccert': 'yes', 'smtpd_tls_CAfile': stage.first_ca.certificate,
        'smtpd_recipient_restrictions': 'permit_tls_all_clientcerts, reject'}).accept_domain('partner.example', 'joe')
    stage.servers.append(hop.start())
    stage.apply(outbound_partner('ours', 'partner', 'partner.example', [f'127.0.0.1:{hop.port}'], 'encrypt'))
    come(stage.ours, CONNECTOR, 'joe@partner.example', sender='alice@ours.example')
    wait_for(lambda: len(hop.maildir('joe')) == 1, 'mail with the first version')
    stage.bring(stage.second, stage.second_ca)
    stage.rollover('advance', 'mx')
    come(stage.ours, CONNECTOR, 'joe@partner.example', sender='alice@ours.example')
    wait_for(lambda: 'NOQUEUE: reject: RCPT' in hop.log_text(), 'the partner to refuse it')
    assert 'Access denied' in str(stage.ours.wait_mail('alice', 1)[0])
    assert not [a for a in stage.ours.json('cert', 'acceptance', 'mx') if a['refused'] or (a['direction'], a['version']) == ('out', '2')]
    assert 'event=certificate.refused' not in stage.ours.log_text()


# ---- told beforehand ------------------------------------------------------------------------------


def life(instance):
    return json.loads((instance.directory / 'data' / 'certificates' / 'mx' / 'life.json').read_text())


def state_of(instance, version):
    return {v['id']: v['state'] for v in life(instance)['versions']}[version]


def alarms(ours, over=False):
    return [a for a in ours.json('alarms', 'list', '--all')['items'] if a['kind'] == 'rollover-breaks-partner' and bool(a['over']) == over]


def expecting(issuer):
    return {**outbound_partner('ours', 'strict', 'strict.example', ['127.0.0.1:9'], 'encrypt'), 'expects': {'issuer': issuer}}


def test_no_advance_by_date_that_breaks_a_partner(stage):
    """Planned while nobody minded; then it is known what a partner checks: an alarm, and it is not done until that is gone."""
    stage.bring(stage.second, stage.second_ca)
    stage.rollover('advance', 'mx', '--at=+8s')
    stage.apply(expecting('The first CA'))
    alarm = wait_for(lambda: alarms(stage.ours), 'an alarm beforehand')[0]
    assert state_of(stage.ours, '2') == 'next'
    assert 'strict' in alarm['subject'] and 'partner-issuer' in alarm['subject'] and alarm['organisation'] == 'ours'
    assert 'will not be done by date' in alarm['text'] and 'is to become current at' in alarm['text']
    wait_for(lambda: 'event=certificate.step_waits' in stage.ours.log_text(), 'the date to come')
    assert 'is not made current by date' in stage.ours.log_text() and state_of(stage.ours, '2') == 'next'
    stage.apply()  # a new look, as there is one every hour
    wait_for(lambda: not alarms(stage.ours) and alarms(stage.ours, over=True), 'the alarm to be over')
    wait_for(lambda: state_of(stage.ours, '2') == 'current', 'the second version to be current')
    assert 'by=date' in stage.ours.log_text()


def test_by_force_it_is_done(stage):
    stage.apply(expecting('The first CA'))
    stage.bring(stage.second, stage.second_ca)
    refused = stage.ours.cli('cert', 'rollover', 'advance', 'mx', '--at=+6s', '--node', stage.ours.write_node(), check=False)
    assert refused.returncode != 0 and 'expects an issuer' in refused.stderr
    assert 'whatever partners check' in stage.rollover('advance', 'mx', '--at=+6s', '--force').stdout
    assert life(stage.ours)['plan']['is_forced'] is True
    alarm = wait_for(lambda: alarms(stage.ours), 'an alarm beforehand')[0]
    assert 'planned with --force' in alarm['text']
    wait_for(lambda: state_of(stage.ours, '2') == 'current', 'the second version to be current')
    wait_for(lambda: not alarms(stage.ours), 'the alarm to be over')
    assert not life(stage.ours)['plan'].get('is_forced')
