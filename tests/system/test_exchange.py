"""The main job: two organisations force TLS with each other and prove themselves by certificate."""
import pytest
import yaml

from certs import Authority
from sealpost import message
from setups import QUICK_QUEUE, forced_pair, local_domain, organisation, own_server_by_address
from waiting import wait_for

pytestmark = pytest.mark.sanitized


@pytest.fixture
def pair(tmp_path, instances):
    """contoso and fabrikam, each with its own CA, each trusting the other's through its connector."""
    made = {}
    for name in ('contoso', 'fabrikam'):
        ca = Authority(tmp_path / f'{name}-ca', f'{name} Root')
        host = f'mx.{name}.example'
        made[name] = instances(tmp_path / name, host, [('mx', ca.issue(host))], node={'queue': QUICK_QUEUE})
        made[name].ca = ca
    for name, other in (('contoso', 'fabrikam'), ('fabrikam', 'contoso')):
        us, them = made[name], made[other]
        us.start()
        us.apply({
            'organisations': [organisation(name)],
            'domains': [local_domain(f'{name}.example', name, us)],
            'connectors': [own_server_by_address(name),
                           forced_pair(name, f'mx.{other}.example', other, f'{other}.example',
                                       f'127.0.0.1:{them.port}', them.ca.pem)],
        })
    return made['contoso'], made['fabrikam']


def receipts(instance, **search):
    flags = [part for key, value in search.items() for part in (f'--{key}', value)]
    found = instance.json('trace', *flags)
    return [event for item in found for event in instance.json('trace', item['id'])['events']]


def test_mail_crosses_both_ways_proven_by_certificate(pair):
    contoso, fabrikam = pair
    for us, them in ((contoso, fabrikam), (fabrikam, contoso)):
        ours, theirs = us.hostname.split('.')[1], them.hostname.split('.')[1]
        us.send(f'alice@{ours}.example', f'bob@{theirs}.example', tls=True)
        received = them.wait_mail('bob')[-1]
        assert 'ESMTPS' in received['Received'] and 'tls TLS_' in received['Received']

        def delivered():
            return [e for e in receipts(us, to=f'bob@{theirs}.example') if e['kind'] in ('delivered', 'relayed')]
        receipt = wait_for(delivered, 'the trace of the sender')[0]['receipt']
        assert receipt['version'] == 'TLSv1.3' and receipt['required'] == 'name' and receipt['got'] == 'name'
        assert receipt['verdict'] == 'trusted' and receipt['name_matched'] == them.hostname
        assert receipt['connector'] == theirs and receipt['cipher'] and receipt['group'] and receipt['chain']
        accepted = [e for e in receipts(them, to=f'bob@{theirs}.example') if e['kind'] == 'received'][0]['receipt']
        assert accepted['direction'] == 'in' and accepted['connector'] == ours
        assert accepted['name_matched'] == us.hostname and accepted['verdict'] == 'trusted'


def test_a_wrong_certificate_makes_mail_wait_with_a_reason(pair, tmp_path):
    contoso, fabrikam = pair
    stranger = Authority(tmp_path / 'stranger', 'Stranger Root').issue('mx.fabrikam.example')
    fabrikam.node['certificates'] = [{'name': 'mx', 'chain': str(stranger.chain), 'key': str(stranger.key)}]
    fabrikam.write_node()
    fabrikam.cli('reload')
    contoso.send('alice@contoso.example', 'bob@fabrikam.example')

    def waiting():
        items = contoso.json('queue', 'list')
        return items and items[0]['recipients'][0]['attempts'] >= 1 and items
    recipient = wait_for(waiting, 'a first attempt')[0]['recipients'][0]
    # Only the leaf was sent: its unknown issuer may be a missing intermediate or a foreign root.
    assert recipient['last_token'] in ('untrusted-root', 'missing-intermediate'), recipient
    assert recipient['state'] == 'waiting'
    assert not fabrikam.maildir('bob')

    # The other direction: fabrikam's new certificate is not what contoso's connector asks for.
    fabrikam.send('bob@fabrikam.example', 'alice@contoso.example')
    refused = wait_for(lambda: contoso.json('trace', '--outcome', 'refused'), 'a refusal in the trace')[0]['last']
    assert refused['token'] in ('untrusted-root', 'missing-intermediate', 'client-name') and refused['receipt']['verdict'] in ('untrusted-root', 'missing-intermediate')
    assert not contoso.maildir('alice')

    # Once the right certificate is back, the waiting message is delivered without being sent again.
    right = fabrikam.ca.issue('mx.fabrikam.example', file='again')
    fabrikam.node['certificates'] = [{'name': 'mx', 'chain': str(right.chain), 'key': str(right.key)}]
    fabrikam.write_node()
    fabrikam.cli('reload')
    contoso.cli('queue', 'retry', '--connector', 'fabrikam', '--yes')
    assert fabrikam.wait_mail('bob')


def test_explain_says_why(pair):
    contoso, _ = pair
    text = contoso.cli('explain', '--from', 'alice@contoso.example', '--to', 'bob@fabrikam.example', '--ip',
                       '127.0.0.1').stdout
    assert 'mx.fabrikam.example' in text and 'fabrikam' in text and 'own-server' in text
    text = contoso.cli('explain', '--from', 'bob@fabrikam.example', '--to', 'alice@contoso.example', '--ip',
                       '192.0.2.7').stdout
    assert 'requires a client certificate' in text and '5.7.51' in text


def test_configuration_round_trips(pair, tmp_path):
    contoso, _ = pair
    exported = contoso.cli('export').stdout
    again = tmp_path / 'again.yaml'
    again.write_text(exported)
    before = contoso.json('status')
    assert 'Nothing changes' in contoso.cli('apply', again, '--dry-run').stdout
    assert 'Nothing changes' in contoso.cli('apply', again, '--yes').stdout
    assert before is not None


def test_subject_and_body_arrive_untouched(pair):
    contoso, fabrikam = pair
    body = ''.join(f'{"." * (n % 5)}line {n}\r\n' for n in range(5000))
    contoso.send('alice@contoso.example', 'carol@fabrikam.example',
                 message('alice@contoso.example', 'carol@fabrikam.example', 'Dots', body))
    got = fabrikam.wait_mail('carol')[0]
    assert got['Subject'] == 'Dots'
    assert got.get_payload().replace('\r\n', '\n') == body.replace('\r\n', '\n')


def test_anchors_that_are_none_are_refused(pair):
    contoso, _ = pair
    before = contoso.json('connector', 'show', 'contoso/fabrikam')['trust']
    broken = contoso.directory / 'broken.pem'
    broken.write_text(before + '-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n')
    changed = contoso.directory / 'changed.yaml'
    config = yaml.safe_load(contoso.cli('export').stdout)
    place = [c['name'] for c in config['connectors']].index('fabrikam')
    config['connectors'][place]['trust'] = broken.read_text()
    changed.write_text(yaml.safe_dump(config))
    done = contoso.cli('apply', changed, '--yes', check=False)
    assert done.returncode and f'connectors[{place}].trust: certificate 2 is malformed' in done.stderr, done
    done = contoso.cli('connector', 'set', 'contoso/fabrikam', f'--trust-file={broken}', check=False)
    assert done.returncode and 'trust: certificate 2 is malformed' in done.stderr, done
    assert contoso.json('connector', 'show', 'contoso/fabrikam')['trust'] == before


def test_explain_says_which_names_and_why(pair):
    contoso, _ = pair

    def outbound():
        return contoso.cli('explain', '--from', 'alice@contoso.example', '--to', 'bob@fabrikam.example', '--ip',
                           '127.0.0.1').stdout
    assert 'mx.fabrikam.example (tls_domain of the connector)' in outbound()
    contoso.cli('connector', 'set', 'contoso/fabrikam', '--outbound.tls-domain=', '--outbound.smart-hosts=mx.b.example')
    assert 'mx.b.example (each host its own, because the connector sets no tls_domain)' in outbound()
    contoso.cli('connector', 'set', 'contoso/fabrikam', '--outbound.smart-hosts=')
    assert "fabrikam.example (the recipient's domain, because" in outbound()
