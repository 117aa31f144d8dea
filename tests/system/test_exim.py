"""Exim as a partner with forced TLS and certificates in both directions, and what happens when one is wrong."""
import smtplib

import pytest

from peers import Exim
from sealpost import client_context, message
from setups import QUICK_QUEUE, local_domain, organisation, own_server_by_address
from waiting import wait_for

OUR_HOST = 'mx.ours.example'
HOST = 'mx.exim.example'
DOMAIN = 'exim.example'
JOE = f'joe@{DOMAIN}'
EVE = 'eve@ours.example'


@pytest.fixture
def ours(tmp_path, instances, authority):
    return instances(tmp_path / 'ours', OUR_HOST, [('mx', authority.issue(OUR_HOST))],
                     node={'queue': QUICK_QUEUE}).start()


@pytest.fixture
def start_exim(tmp_path, ours, authority):
    """Start an Exim that routes ours.example to Sealpost; the arguments are what differs from a good partner."""
    started = []

    def start(certificate=None, trust=None, **more):
        exim = Exim(tmp_path / 'exim', HOST, DOMAIN, certificate or authority.issue(HOST),
                    trust or authority.certificate, **{'routes': {'ours.example': (ours.port, OUR_HOST)}, **more})
        started.append(exim)
        return exim.start()

    yield start
    for exim in started:
        exim.stop()


def forced(ours, exim, authority, certificate='mx', level='name'):
    """The partner connector for Exim, and our own server's, which is not at Exim's address."""
    ours.apply({
        'organisations': [organisation('ours', None)],
        'domains': [local_domain('ours.example', 'ours', ours)],
        'connectors': [own_server_by_address('ours', ['127.0.0.2']), {
            'name': 'exim', 'organisation': 'ours', 'type': 'partner', 'trust': authority.pem,
            'inbound': {'sender_domains': [DOMAIN], 'require_tls': True, 'certificate_name': HOST,
                        'restrict_to_certificate': True},
            'outbound': {'recipient_domains': [DOMAIN], 'smart_hosts': [f'127.0.0.1:{exim.port}'], 'tls': level,
                         **({'tls_domain': HOST} if level == 'name' else {}),
                         **({'certificate': certificate} if certificate else {})}}]})


def send_to_exim(ours):
    """From our own server's address."""
    with smtplib.SMTP('127.0.0.1', ours.port, 'client.example', timeout=30, source_address=('127.0.0.2', 0)) as client:
        client.starttls(context=client_context())
        client.sendmail(EVE, [JOE], message(EVE, JOE))


def events(ours, **search):
    flags = [part for key, value in search.items() for part in (f'--{key}', value)]
    return [event for item in ours.json('trace', *flags) for event in ours.json('trace', item['id'])['events']]


def event(ours, kind, **search):
    return wait_for(lambda: [e for e in events(ours, **search) if e['kind'] == kind], f'a {kind} in the trace', 60)[0]


def wait_attempts(ours, count=2):
    def look():
        items = ours.json('queue', 'list', '--recipient', JOE)
        return items and items[0]['recipients'][0]['attempts'] >= count and items[0]['recipients'][0]
    return wait_for(look, f'{count} attempts for {JOE}', 60)


# ---- both directions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('demand', ['any', OUR_HOST])
def test_exim_demands_our_certificate_and_gets_it(ours, start_exim, authority, demand):
    exim = start_exim(demand=demand)
    forced(ours, exim, authority)
    send_to_exim(ours)
    received = wait_for(exim.messages, 'Exim to deliver', 60)[0]['Received']
    assert f'from {OUR_HOST} by {HOST} with esmtps tls TLS1.3' in ' '.join(received.split()), received
    assert 'verified 1' in received and f'CN={OUR_HOST}' in received
    receipt = event(ours, 'relayed', to=JOE)['receipt']
    assert receipt['required'] == 'name' and receipt['got'] == 'name' and receipt['name_matched'] == HOST
    assert receipt['verdict'] == 'trusted'
    assert all(cipher for _, cipher in exim.envelopes())


def test_exim_proves_itself_to_us(ours, start_exim, authority):
    exim = start_exim()
    forced(ours, exim, authority)
    exim.submit(JOE, EVE)
    received = ours.wait_mail('eve')[0]['Received']
    assert HOST in received and 'ESMTPS' in received
    receipt = event(ours, 'received', to=EVE)['receipt']
    assert receipt['connector'] == 'exim' and receipt['name_matched'] == HOST and receipt['verdict'] == 'trusted'
    wait_for(lambda: f'DN="CN={OUR_HOST}' in exim.log_text() and 'CV=yes' in exim.log_text(),
             'Exim to note that it has verified us')
    assert exim.queued() == 0


# ---- into Sealpost: who may not --------------------------------------------------------------------------------------


NOT_THE_PARTNER = {
    'none': (lambda a, f: None, 'no-client-certificate'),
    'another-name': (lambda a, f: a.issue('mx.other.example', file='exim-other'), 'client-name'),
    'another-ca': (lambda a, f: f.issue(HOST, file='exim-foreign'), 'untrusted-root missing-intermediate'),
}


@pytest.mark.parametrize('case', NOT_THE_PARTNER)
def test_exim_without_the_right_certificate_gets_5_7_51(ours, start_exim, authority, foreign_authority, case):
    make, tokens = NOT_THE_PARTNER[case]
    exim = start_exim(client_certificate=make(authority, foreign_authority))
    forced(ours, exim, authority)
    exim.submit(JOE, EVE)
    bounce = wait_for(exim.messages, 'Exim to return the message', 60)[0].as_string()
    assert '550' in bounce and '5.7.51' in bounce
    assert ours.maildir('eve') == []
    found = wait_for(lambda: ours.json('trace', '--outcome', 'refused'), 'the refusal in the trace')
    assert found[0]['last']['token'] in tokens.split()


def test_exim_keeps_mail_for_a_server_that_is_not_us(ours, start_exim, authority, foreign_authority):
    """The partner's own demands hold against our certificate, too: first another CA, then another name."""
    exim = start_exim(trust=foreign_authority.certificate)
    forced(ours, exim, authority)
    exim.submit(JOE, EVE)
    wait_for(lambda: 'certificate verification failed' in exim.log_text(), 'Exim to refuse our CA')
    assert exim.queued() == 1 and ours.maildir('eve') == []


def test_exim_keeps_mail_for_another_name(ours, start_exim, authority):
    exim = start_exim(routes={'ours.example': (ours.port, 'mx.other.example')})
    forced(ours, exim, authority)
    exim.submit(JOE, EVE)
    wait_for(lambda: 'not mx.other.example' in exim.log_text(), 'Exim to refuse our name')
    assert exim.queued() == 1 and ours.maildir('eve') == []


# ---- out of Sealpost: who refuses us ---------------------------------------------------------------------------------


# In TLS 1.3 a server refuses the client's certificate when the client has already finished its handshake.
LATE_REFUSAL = {'handshake-failed'}
UNMET = {
    # name: (what Exim is like, what our connector is like, reasons that queue and trace may give)
    'trusts-another-ca': (lambda a, f: {'trust': f.certificate, 'demand': 'any'}, {}, LATE_REFUSAL),
    'no-certificate-of-ours': (lambda a, f: {'demand': 'any'}, {'certificate': None}, LATE_REFUSAL),
    'is-of-another-ca': (lambda a, f: {'certificate': f.issue(HOST, file='exim-server')}, {},
                         {'untrusted-root', 'missing-intermediate'}),
    'has-another-name': (lambda a, f: {'certificate': a.issue('mx.other.example', file='exim-server')}, {},
                         {'name-mismatch'}),
}


@pytest.mark.parametrize('case', UNMET)
def test_unmet_demands_make_mail_wait_never_clear(ours, start_exim, authority, foreign_authority, case):
    """Exim would take the mail in clear: that none comes is our doing."""
    theirs, us, tokens = UNMET[case]
    exim = start_exim(require_tls=False, **theirs(authority, foreign_authority))
    forced(ours, exim, authority, **us)
    send_to_exim(ours)
    waiting = wait_attempts(ours)
    assert waiting['last_token'] in tokens, waiting
    deferred = event(ours, 'deferred', to=JOE)
    assert deferred['token'] in tokens and deferred['receipt']['required'] == 'name'
    assert exim.envelopes() == [] and exim.messages() == []

    with smtplib.SMTP('127.0.0.1', exim.port, timeout=30) as client:
        client.sendmail(EVE, [JOE], message(EVE, JOE))
    wait_for(exim.messages, 'what another sends in clear')
    assert exim.envelopes() == [(EVE, '')]


def test_where_nothing_is_required_mail_climbs_down(ours, start_exim, authority):
    """Exim ends each TLS session in which it was shown no certificate; mail that nothing forces goes in clear then."""
    exim = start_exim(require_tls=False, demand='any')
    forced(ours, exim, authority, certificate=None, level='none')
    send_to_exim(ours)
    wait_for(exim.messages, 'the mail to arrive')
    assert exim.envelopes() == [(EVE, '')]
    receipt = event(ours, 'relayed', to=JOE)['receipt']
    assert receipt['attempt'] == 'clear' and receipt['version'] is None


def test_exim_refuses_our_certificate_for_another_name(ours, start_exim, authority):
    """Its rule at RCPT is an answer, not a failure of TLS: the message returns with it."""
    exim = start_exim(demand='mx.somebody.example')
    forced(ours, exim, authority)
    send_to_exim(ours)
    bounce = ours.wait_mail('eve', timeout=60)[0].as_string()
    assert 'not the certificate of mx.somebody.example' in bounce
    assert exim.messages() == [] and all(cipher for _, cipher in exim.envelopes())
