"""Several hosts in a network of their own: mail finds its way by MX to port 25, over IPv4 and IPv6, and TLS is forced
across a network in which not everybody can be trusted."""
import smtplib
import subprocess

import pytest

from network import Network, Stripper, reason_not_to_run
from peers import Nsd, Postfix
from sealpost import client_context, message
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner
from waiting import wait_for

WHY_NOT = reason_not_to_run()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))

HOSTS = ('dns', 'contoso', 'fabrikam', 'postfix', 'middle')


def zones(network):
    """Each domain has a host with both families, and subdomains that are reached by one of them only."""
    result = {}
    for name in ('contoso', 'fabrikam', 'postfix'):
        host = network[name]
        result[f'{name}.example.'] = f'''
            @ MX 10 mx
            mx A {host.v4}
            mx AAAA {host.v6}
            four MX 10 mx4
            mx4 A {host.v4}
            six MX 10 mx6
            mx6 AAAA {host.v6}
            two MX 20 mx
            two MX 10 gone
            gone A 10.77.0.99
            gone AAAA fd77::99
            '''
    # Who asks for this domain's host is led through the middle.
    result['watched.example.'] = f'@ MX 10 mx\nmx A {network["middle"].v4}\n'
    return result


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    network = Network(HOSTS, 'dns')
    nsd = Nsd(tmp_path_factory.mktemp('nsd'), zones(network), network['dns'].v4, network['dns'].prefix)
    try:
        network.create()
        nsd.start()
        yield network
    finally:
        nsd.stop()
        network.remove()


@pytest.fixture
def make(tmp_path, instances, authority, network):
    """A Sealpost on the host of that name; its certificate names its MX hosts and its domains, but not four."""
    def make(name):
        names = [f'{part}{name}.example' for part in ('mx.', 'mx4.', 'mx6.', '', 'six.', 'two.')]
        sealpost = instances(
            tmp_path / name, f'mx.{name}.example', [('mx', authority.issue(names[0], names))],
            prefix=network[name].prefix,
            node={'listeners': [{'name': 'mx', 'address': '[::]:25', 'tls': 'starttls'}], 'queue': QUICK_QUEUE,
                  'dns': {'servers': [network.nameserver], 'trust_anchor': 'none'}})
        sealpost.host = network[name]
        return sealpost.start()
    return make


def accepts(sealpost, name, *connectors):
    """Takes mail for its domain and the subdomains; who is on its own host may relay."""
    sealpost.apply({
        'organisations': [organisation(name)],
        'domains': [{**local_domain(f'{name}.example', name, sealpost), 'subdomains': True}],
        'connectors': [{'name': 'own-server', 'organisation': name, 'type': 'on-premises',
                        'inbound': {'addresses': [sealpost.host.v4]}}, *connectors]})


def send(sealpost, sender, recipient):
    def work():
        with smtplib.SMTP(sealpost.host.v4, 25, 'client.example', timeout=30) as client:
            client.starttls(context=client_context())
            client.sendmail(sender, [recipient], message(sender, recipient))
    sealpost.host.inside(work)


def events(sealpost, address, *kinds):
    return [e for item in sealpost.json('trace', '--to', address)
            for e in sealpost.json('trace', item['id'])['events'] if e['kind'] in kinds]


def receipt(sealpost, address):
    return wait_for(lambda: events(sealpost, address, 'delivered', 'relayed'), f'the receipt for {address}')[0]['receipt']


def waiting(sealpost, address, attempts, timeout=60):
    def look():
        items = sealpost.json('queue', 'list', '--recipient', address)
        return items and items[0]['recipients'][0]['attempts'] >= attempts and items[0]['recipients'][0]
    return wait_for(look, f'{attempts} attempts for {address}', timeout)


@pytest.fixture
def pair(make, authority):
    """contoso and fabrikam force TLS with each other.  Which name counts: without tls_domain the domain that the mail
    is for where hosts are found by MX, and the host where the connector names it; else tls_domain."""
    made = {}
    for name, other in (('contoso', 'fabrikam'), ('fabrikam', 'contoso')):
        made[name] = make(name)
        inbound = {'sender_domains': [f'{other}.example', f'*.{other}.example'], 'require_tls': True,
                   'certificate_name': f'mx.{other}.example', 'restrict_to_certificate': True}
        by_domain = outbound_partner(name, other, f'{other}.example', tls='name', trust=authority.pem)
        by_domain['outbound']['recipient_domains'].append(f'*.{other}.example')
        by_domain['inbound'] = inbound
        given = outbound_partner(name, f'{other}-four', f'four.{other}.example', tls='name',
                                 tls_domain=f'mx.{other}.example', trust=authority.pem)
        by_host = outbound_partner(name, f'{other}-host', f'host.{other}.example', [f'mx6.{other}.example'], 'name',
                                   trust=authority.pem)
        accepts(made[name], name, by_domain, given, by_host)
    return made['contoso'], made['fabrikam']


@pytest.mark.parametrize('subdomain, host, matched', [
    ('', 'mx', ''),
    ('six.', 'mx6', 'six.'),
    ('four.', 'mx4', 'mx.'),  # tls_domain
    ('host.', 'mx6', 'mx6.'),  # smart host
])
def test_forced_tls(pair, subdomain, host, matched):
    for us, them in (pair, pair[::-1]):
        name, other = us.hostname.split('.')[1], them.hostname.split('.')[1]
        send(us, f'alice@{name}.example', f'bob@{subdomain}{other}.example')
        got = them.wait_mail('bob', timeout=60)[0]
        assert 'ESMTPS' in got['Received']
        shown = receipt(us, f'bob@{subdomain}{other}.example')
        assert shown['required'] == shown['got'] == 'name' and shown['verdict'] == 'trusted'
        assert shown['host'] == f'{host}.{other}.example' and shown['peer_port'] == 25
        assert shown['name_matched'] == f'{matched}{other}.example'
        addresses = {'mx4': [them.host.v4], 'mx6': [them.host.v6], 'mx': [them.host.v4, them.host.v6]}[host]
        assert shown['peer_address'] in addresses
        accepted = events(them, f'bob@{subdomain}{other}.example', 'received')[0]['receipt']
        assert accepted['name_matched'] == us.hostname and accepted['verdict'] == 'trusted'


def test_the_name_of_an_mx_host_proves_nothing(pair, authority):
    """Who forges the MX record names any host, and may have a good certificate for it: the domain's name counts."""
    contoso, fabrikam = pair
    only = authority.issue('mx6.fabrikam.example', ['mx6.fabrikam.example', 'mx.fabrikam.example'], file='hosts-only')
    fabrikam.node['certificates'] = [{'name': 'mx', 'chain': str(only.chain), 'key': str(only.key)}]
    fabrikam.write_node()
    fabrikam.cli('reload')
    send(contoso, 'alice@contoso.example', 'bob@six.fabrikam.example')
    shown = waiting(contoso, 'bob@six.fabrikam.example', 2)
    assert shown['last_token'] == 'name-mismatch' and 'expected six.fabrikam.example' in shown['last_text']
    assert not fabrikam.maildir('bob')
    send(contoso, 'alice@contoso.example', 'bob@four.fabrikam.example')  # its connector says which host
    assert fabrikam.wait_mail('bob', timeout=60)


def test_the_next_host_takes_over(pair):
    """The preferred host does not answer; the connector's requirement holds for the other one as well."""
    contoso, fabrikam = pair
    send(contoso, 'alice@contoso.example', 'bob@two.fabrikam.example')
    fabrikam.wait_mail('bob', timeout=90)
    shown = receipt(contoso, 'bob@two.fabrikam.example')
    assert shown['host'] == 'mx.fabrikam.example' and shown['got'] == 'name'


def test_a_host_goes_down_and_comes_back(pair):
    contoso, fabrikam = pair
    fabrikam.host.unplug()
    try:
        send(contoso, 'alice@contoso.example', 'bob@fabrikam.example')
        shown = waiting(contoso, 'bob@fabrikam.example', 1, 120)  # each address may take its time
        assert shown['state'] == 'waiting' and shown['last_token'] == 'connect', shown
        assert not fabrikam.maildir('bob')
    finally:
        fabrikam.host.plug()
    assert fabrikam.wait_mail('bob', timeout=120)
    wait_for(lambda: not contoso.json('queue', 'list'), 'the queue to be empty')
    assert len(fabrikam.maildir('bob')) == 1


@pytest.fixture
def postfix(tmp_path, network, authority):
    domains = ['postfix.example', 'four.postfix.example', 'six.postfix.example', 'watched.example']
    certificate = authority.issue('mx.postfix.example', domains)
    postfix = Postfix(tmp_path / 'postfix', 'mx.postfix.example', {
        'inet_interfaces': 'all', 'inet_protocols': 'all',
        'virtual_mailbox_domains': ', '.join(domains), 'virtual_mailbox_maps': 'static:joe/',
        'smtpd_tls_security_level': 'may', 'smtpd_tls_chain_files': f'{certificate.key}, {certificate.chain}',
        'smtpd_relay_restrictions': 'permit_auth_destination, reject',
        'smtp_tls_security_level': 'secure', 'smtp_tls_secure_cert_match': 'hostname',
        'smtp_tls_CAfile': authority.certificate, 'smtp_dns_support_level': 'enabled', 'smtp_host_lookup': 'dns',
    }, network['postfix'].prefix)
    try:
        yield postfix.start()
    finally:
        postfix.stop()


@pytest.mark.parametrize('subdomain, host, family', [('four.', 'mx4', 'v4'), ('six.', 'mx6', 'v6')])
def test_postfix_by_mx_both_ways(make, postfix, network, authority, subdomain, host, family):
    contoso = make('contoso')
    forced = outbound_partner('contoso', 'postfix', 'postfix.example', tls='name', trust=authority.pem)
    forced['outbound']['recipient_domains'].append('*.postfix.example')
    accepts(contoso, 'contoso', forced)
    send(contoso, 'alice@contoso.example', f'joe@{subdomain}postfix.example')
    wait_for(lambda: postfix.maildir('joe'), 'Postfix to deliver', 60)
    shown = receipt(contoso, f'joe@{subdomain}postfix.example')
    assert shown['host'] == f'{host}.postfix.example'
    assert shown['got'] == 'name' and shown['name_matched'] == f'{subdomain}postfix.example'
    assert shown['peer_address'] == getattr(network['postfix'], family)

    done = subprocess.run([*network['postfix'].prefix, 'sendmail', '-C', str(postfix.conf), '-f', 'joe@postfix.example',
                           f'alice@{subdomain}contoso.example'], input='Subject: back\n\nHello.\n', text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    try:
        got = contoso.wait_mail('alice', timeout=60)[0]
    except AssertionError:
        raise AssertionError(postfix.log_text()[-3000:]) from None
    assert got['Subject'] == 'back' and getattr(network['postfix'], family) in got['Received']
    assert 'Verified TLS connection established' in postfix.log_text()


@pytest.fixture
def stripper(network, postfix):
    stripper = Stripper(network['middle'], network['postfix'].v4)
    yield stripper
    stripper.close()


def test_who_strips_starttls_gets_no_forced_mail(make, stripper, postfix, authority):
    contoso = make('contoso')
    accepts(contoso, 'contoso', outbound_partner('contoso', 'watched', 'watched.example', tls='name',
                                                 trust=authority.pem))
    send(contoso, 'alice@contoso.example', 'joe@watched.example')
    shown = waiting(contoso, 'joe@watched.example', 3)
    assert shown['last_token'] == 'no-starttls'
    assert 'EHLO' in stripper.verbs() and stripper.verbs() <= {'EHLO', 'QUIT'}, stripper.verbs()
    assert not postfix.maildir('joe')
    deferred = events(contoso, 'joe@watched.example', 'deferred')[0]['receipt']
    assert deferred['required'] == 'name' and deferred['got'] == 'none' and deferred['host'] == 'mx.watched.example'
    # The same way becomes good enough once nobody tampers with it: TLS ends behind the middle.
    stripper.strips = False
    wait_for(lambda: postfix.maildir('joe'), 'the mail once STARTTLS is offered', 60)
    assert receipt(contoso, 'joe@watched.example')['name_matched'] == 'watched.example'
    assert stripper.verbs().isdisjoint({'MAIL', 'RCPT', 'DATA', 'BDAT'})


def test_who_strips_starttls_reads_mail_that_nobody_protects_and_the_receipt_says_so(make, stripper, postfix):
    contoso = make('contoso')
    accepts(contoso, 'contoso')
    send(contoso, 'alice@contoso.example', 'joe@watched.example')
    wait_for(lambda: postfix.maildir('joe'), 'the mail', 60)
    assert 'MAIL' in stripper.verbs()
    shown = receipt(contoso, 'joe@watched.example')
    assert shown['attempt'] == 'clear' and shown['required'] == shown['got'] == 'none'
    assert not shown.get('version') and not shown.get('cipher')
    story = contoso.cli('trace', contoso.json('trace', '--to', 'joe@watched.example')[0]['id']).stdout
    assert 'clear' in story.lower() or 'without tls' in story.lower(), story
