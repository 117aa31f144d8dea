"""Configurations that several tests use."""


def organisation(name, certificate='mx', **more):
    return {'name': name, **({'certificate': certificate} if certificate else {}), **more}


def local_domain(name, owner, instance):
    return {'name': name, 'organisation': owner, 'delivery': f'maildir:{instance.mail}/{{local}}'}


def own_server_by_address(owner, addresses=('127.0.0.1',), name='own-server'):
    """The connector by which clients on loopback may relay."""
    return {'name': name, 'organisation': owner, 'type': 'on-premises', 'inbound': {'addresses': list(addresses)}}


def outbound_partner(owner, name, domain, hosts=(), tls='none', tls_domain=None, trust=None, certificate=None, **more):
    outbound = {'recipient_domains': [domain], 'tls': tls, **more}
    if hosts:
        outbound['smart_hosts'] = list(hosts)
    if tls_domain:
        outbound['tls_domain'] = tls_domain
    if certificate:
        outbound['certificate'] = certificate
    return {'name': name, 'organisation': owner, 'type': 'partner', **({'trust': trust} if trust else {}),
            'outbound': outbound}


def forced_pair(ours, partner, name, domain, host, authority_pem):
    """One connector that forces TLS with certificate names in both directions."""
    return {
        'name': name, 'organisation': ours, 'type': 'partner', 'trust': authority_pem,
        'inbound': {'sender_domains': [domain], 'require_tls': True, 'certificate_name': partner,
                    'restrict_to_certificate': True},
        'outbound': {'recipient_domains': [domain], 'smart_hosts': [host], 'tls': 'name', 'tls_domain': partner,
                     'certificate': 'mx'},
    }


# Attempts follow each other quickly, so that a test sees several.
QUICK_QUEUE = {'retry': ['1s', '1s', '2s']}
