"""Every kind of certificate of the hierarchy, as a server's and as a client's, and put into the store.

What must come of it stands in hierarchy.CASES, and is worked out here for each name and each direction."""
import smtplib
import ssl

import pytest

from hierarchy import CASES, HOST, Hierarchy, client_context, make, server_context
from oddpeer import OddPeer
from sealpost import Sealpost
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for

NAMES = sorted({name for case in CASES.values() for name in (*case.names, *case.others)})
# Each case in each direction is asked for its chain alone, and for each name that it is (not) good for.
CELLS = [(case, name) for case in CASES for name in (None, *CASES[case].names, *CASES[case].others)]


@pytest.fixture(scope='module')
def hierarchy(tmp_path_factory):
    return Hierarchy(tmp_path_factory.mktemp('hierarchy'))


@pytest.fixture(scope='module')
def mx(tmp_path_factory, hierarchy):
    return hierarchy.ec_issuer.issue('mx.ours.example')


def outcome(case, name, side):
    """The token by which a demand fails; None: it is met.  SIDE: 'server' or 'client', what the certificate is for."""
    facts = CASES[case]
    reason = facts.chain or getattr(facts, side)
    if side == 'client' and name is not None and name not in facts.names:
        return 'client-name'  # who comes is known by name first
    if reason:
        return reason
    return 'name-mismatch' if name is not None and name not in facts.names else None


def domain_of(case, name):
    return f'{case}-{NAMES.index(name) if name else "chain"}.example'


def connector_out(hierarchy, peer, case, name):
    domain = domain_of(case, name)
    return outbound_partner('ours', domain.removesuffix('.example'), domain, [f'127.0.0.1:{peer.port}'],
                            'name' if name else 'chain', name, hierarchy.trust)


def last_token(sender, recipient):
    found = sender.json('queue', 'list', '--recipient', recipient)
    return found and found[0]['recipients'][0]['attempts'] and found[0]['recipients'][0]['last_token']


def delivered(sender, recipient):
    found = sender.json('trace', '--to', recipient, '--outcome', 'delivered')
    return bool(found)


def test_as_a_server(tmp_path, hierarchy, mx, instances):
    sender = instances(tmp_path / 'sender', 'mx.ours.example', [('mx', mx)], node={'queue': QUICK_QUEUE}).start()
    peers = {case: OddPeer(context=server_context(hierarchy, case)) for case in CASES}
    try:
        sender.apply({'organisations': [organisation('ours')],
                      'domains': [local_domain('ours.example', 'ours', sender)],
                      'connectors': [own_server_by_address('ours')] +
                                    [connector_out(hierarchy, peers[case], case, name) for case, name in CELLS]})
        for case, name in CELLS:
            sender.send('a@ours.example', f'bob@{domain_of(case, name)}')
        for case, name in CELLS:
            recipient, want = f'bob@{domain_of(case, name)}', outcome(case, name, 'server')
            if want:
                assert wait_for(lambda: last_token(sender, recipient), f'{case} {name} to fail') == want, (case, name)
            else:
                wait_for(lambda: delivered(sender, recipient), f'{case} {name} to be delivered')
        for case, peer in peers.items():
            passing = [name for c, name in CELLS if c == case and not outcome(case, name, 'server')]
            assert len(peer.messages) == len(passing), case
            assert all(was_tls for _, _, was_tls in peer.messages), case
    finally:
        for peer in peers.values():
            peer.close()


def connector_in(hierarchy, name):
    return {'name': f'name-{NAMES.index(name)}', 'organisation': 'ours', 'type': 'partner', 'trust': hierarchy.trust,
            'inbound': {'sender_domains': [f'name-{NAMES.index(name)}.example'], 'require_tls': True,
                        'certificate_name': name, 'restrict_to_certificate': True}}


@pytest.fixture(scope='module')
def receiver(tmp_path_factory, hierarchy, mx):
    receiver = Sealpost(tmp_path_factory.mktemp('receiver'), 'mx.ours.example', [('mx', mx)]).start()
    receiver.apply({'organisations': [organisation('ours')],
                    'domains': [local_domain('ours.example', 'ours', receiver)],
                    'connectors': [connector_in(hierarchy, name) for name in NAMES]})
    yield receiver
    receiver.close()


@pytest.mark.parametrize('case', CASES)
def test_as_a_client(receiver, hierarchy, case):
    context = client_context(hierarchy, case)
    for name in (*CASES[case].names, *CASES[case].others):
        sender, want = f'{case}@name-{NAMES.index(name)}.example', outcome(case, name, 'client')
        with smtplib.SMTP('127.0.0.1', receiver.port, 'client.example', timeout=30) as session:
            session.starttls(context=context)
            session.ehlo()
            session.mail(sender)
            code, text = session.rcpt('eve@ours.example')
        assert code == (550 if want else 250), (case, name, code, text)
        if want:
            found = wait_for(lambda: receiver.json('trace', '--from', sender, '--outcome', 'refused'),
                             f'the trace of {sender}')
            assert found[0]['last']['token'] == want, (case, name, found[0]['last'])


def test_both_kinds_of_key_side_by_side(tmp_path, hierarchy, instances):
    """One server with a twin pair: who knows one kind of key only is shown that one."""
    ecdsa, rsa = hierarchy.twin('twin.ours.example')
    server = instances(tmp_path / 'twin', 'twin.ours.example', [('ecdsa', ecdsa), ('rsa', rsa)]).start()
    for kind, signatures in (('ecdsa', 'ECDSA'), ('rsa', 'RSA')):
        context = client_context(hierarchy, 'ecdsa')
        context.maximum_version = context.minimum_version = 0x0303
        context.set_ciphers(f'ECDHE-{signatures}-AES256-GCM-SHA384')
        with smtplib.SMTP('127.0.0.1', server.port, 'client.example', timeout=30) as session:
            session.starttls(context=context)
            presented = session.sock.getpeercert(binary_form=True)
        assert presented == der({'ecdsa': ecdsa, 'rsa': rsa}[kind]), kind


def der(certificate):
    return ssl.PEM_cert_to_DER_cert(certificate.leaf.read_text())


@pytest.mark.parametrize('case', CASES)
def test_import(tmp_path, hierarchy, mx, case):
    made, words = make(hierarchy, case), CASES[case].imported
    (tmp_path / 'roots.pem').write_text(hierarchy.trust)
    offline = Sealpost(tmp_path, 'mx.ours.example', [('mx', mx)], node={'roots': str(tmp_path / 'roots.pem')})
    done = offline.cli('cert', 'import', 'x', made.chain, made.key, '--node', offline.write_node(), check=False)
    assert (done.returncode != 0) == bool(words), (case, done.stdout, done.stderr)
    if words:
        assert words in done.stderr, (case, done.stderr)
        assert not list((tmp_path / 'data').glob('certificates/x/**/*.key')), 'nothing of it is kept'


def test_import_of_another_ones_key(tmp_path, hierarchy, mx):
    offline = Sealpost(tmp_path, 'mx.ours.example', [('mx', mx)])
    done = offline.cli('cert', 'import', 'x', make(hierarchy, 'ecdsa').chain, make(hierarchy, 'rsa').key, '--node',
                       offline.write_node(), check=False)
    assert done.returncode != 0 and 'does not belong' in done.stderr
    assert HOST not in done.stdout
