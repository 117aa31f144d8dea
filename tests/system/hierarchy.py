"""A hierarchy of authorities with everything that certificates are in the wild, made by the openssl program.

    ec_root ── ec_issuer ── ec_deep          ECDSA; the last one two steps below its root
    rsa_root ── rsa_issuer                   RSA
    new_root ── new_issuer                   new_root is cross-signed by ec_root
    ec_root ── old_issuer                    an intermediate that has expired
    ec_root ── narrow_issuer                 may only issue for partner.example (name constraints)
    foreign_root                             whom nobody trusts

Each is made when it is first asked for.  CASES says of each leaf what must come of it."""
import functools
import ssl
from dataclasses import dataclass

from certs import Authority, Certificate, self_signed

DOMAIN = 'partner.example'
HOST = 'mx.partner.example'
BOOKS = 'mx.bücher.example'  # as people write it
BOOKS_ASCII = 'mx.xn--bcher-kva.example'
PAST = {'start': '20200101000000Z', 'end': '20210101000000Z'}
FUTURE = {'start': '20450101000000Z', 'end': '20460101000000Z'}


class Hierarchy:
    def __init__(self, directory):
        self.directory = directory

    def authority(self, file, name, **how):
        return Authority(self.directory / file, name, **how)

    @functools.cached_property
    def ec_root(self):
        return self.authority('ec-root', 'Hierarchy ECDSA Root', subject='/C=DE/O=Hierarchy Trust/OU=Roots/'
                              'CN=Hierarchy ECDSA Root', key='ecP-384')

    @functools.cached_property
    def ec_issuer(self):
        return self.authority('ec-issuer', 'Hierarchy ECDSA Issuer', parent=self.ec_root)

    @functools.cached_property
    def ec_deep(self):
        return self.authority('ec-deep', 'Hierarchy Deep Issuer', parent=self.ec_issuer)

    @functools.cached_property
    def rsa_root(self):
        return self.authority('rsa-root', 'Hierarchy RSA Root', key='rsa')

    @functools.cached_property
    def rsa_issuer(self):
        return self.authority('rsa-issuer', 'Hierarchy RSA Issuer', parent=self.rsa_root, key='rsa')

    @functools.cached_property
    def new_root(self):
        return self.authority('new-root', 'Hierarchy New Root')

    @functools.cached_property
    def new_issuer(self):
        return self.authority('new-issuer', 'Hierarchy New Issuer', parent=self.new_root)

    @functools.cached_property
    def cross(self):
        """new_root as ec_root knows it, PEM."""
        return self.ec_root.cross_sign(self.new_root).read_text()

    @functools.cached_property
    def old_issuer(self):
        return self.authority('old-issuer', 'Hierarchy Expired Issuer', parent=self.ec_root, **PAST)

    @functools.cached_property
    def narrow_issuer(self):
        return self.authority('narrow-issuer', 'Hierarchy Narrow Issuer', parent=self.ec_root,
                              extensions=[f'nameConstraints=critical,permitted;DNS:{DOMAIN}'])

    @functools.cached_property
    def foreign_root(self):
        return self.authority('foreign-root', 'Hierarchy Foreign Root')

    @property
    def trust(self):
        """The anchors that the cases are judged by: without new_root, which is only reached across."""
        return self.ec_root.pem + self.rsa_root.pem

    def twin(self, name=HOST):
        """An ECDSA and an RSA certificate for the same name."""
        return self.ec_issuer.issue(name, file='twin-ecdsa'), self.rsa_issuer.issue(name, file='twin-rsa', key='rsa')


def with_chain(certificate, pem):
    """The same with other certificates behind the leaf."""
    chain = certificate.chain.with_name(certificate.chain.name + '.other')
    chain.write_text(certificate.leaf.read_text() + pem)
    return Certificate(chain, certificate.key, certificate.leaf)


def sealed_by_sha1(h):
    return h.rsa_issuer.issue(HOST, file='sha1', key='rsa', digest='sha1')


def reversed_chain(h):
    made = h.ec_deep.issue(HOST, file='reversed')
    return with_chain(made, h.ec_root.pem + h.ec_issuer.pem + h.ec_deep.pem)


@dataclass
class Case:
    """MAKE gives the leaf.  CHAIN: the token of a chain that is not trusted, by whoever connects to it and by whom it
    connects to; None: it is.  SERVER, CLIENT: the token where one side only minds.  NAMES: those that it is good for,
    and OTHERS: that it is not.  IMPORT: words of the refusal when it is imported; None: it is taken."""
    make: object
    chain: str = None
    server: str = None
    client: str = None
    names: tuple = (HOST,)
    others: tuple = ('other.partner.example',)
    imported: str = None
    weak: bool = False  # a peer needs to be told that it may use it


CASES = {
    'ecdsa': Case(lambda h: h.ec_issuer.issue(HOST)),
    'rsa': Case(lambda h: h.rsa_issuer.issue(HOST, key='rsa')),
    'below-root': Case(lambda h: h.ec_root.issue(HOST)),
    'deep': Case(lambda h: h.ec_deep.issue(HOST)),
    'rsa-below-ecdsa': Case(lambda h: h.ec_issuer.issue(HOST, key='rsa3072', file='mixed')),
    'p-384': Case(lambda h: h.ec_issuer.issue(HOST, key='ecP-384', file='p384')),
    'out-of-order': Case(reversed_chain),
    'cross-signed': Case(lambda h: with_chain(h.new_issuer.issue(HOST), h.new_issuer.pem + h.cross)),
    'not-crossed': Case(lambda h: h.new_issuer.issue(HOST, file='uncrossed'), chain='untrusted-root',
                        imported='does not reach a root'),
    'foreign': Case(lambda h: h.foreign_root.issue(HOST), chain='missing-intermediate',
                    imported='does not reach a root'),
    'leaf-only': Case(lambda h: h.ec_issuer.issue(HOST, leaf_only=True, file='alone'), chain='missing-intermediate',
                      imported='intermediate'),
    'self-signed': Case(lambda h: self_signed(h.directory / 'self', HOST), chain='self-signed'),
    'expired': Case(lambda h: h.ec_issuer.issue(HOST, file='expired', **PAST), chain='expired', imported='expired'),
    'not-yet-valid': Case(lambda h: h.ec_issuer.issue(HOST, file='early', **FUTURE), chain='not-yet-valid',
                          imported='not valid yet'),
    'expired-issuer': Case(lambda h: h.old_issuer.issue(HOST), chain='expired', imported='expired'),
    'server-only': Case(lambda h: h.ec_issuer.issue(HOST, usage='serverAuth', file='server'), client='purpose'),
    'client-only': Case(lambda h: h.ec_issuer.issue(HOST, usage='clientAuth', file='client'), server='purpose'),
    'mail-only': Case(lambda h: h.ec_issuer.issue(HOST, usage='emailProtection', file='mail'), chain='purpose'),
    'no-usage': Case(lambda h: h.ec_issuer.issue(HOST, usage=None, file='anything')),
    'in-constraints': Case(lambda h: h.narrow_issuer.issue(HOST)),
    'out-of-constraints': Case(lambda h: h.narrow_issuer.issue('mx.elsewhere.example'), chain='invalid-certificate',
                               names=('mx.elsewhere.example',)),
    'common-name-only': Case(lambda h: h.ec_issuer.issue(HOST, names=[], file='cn')),
    'common-name-beside': Case(lambda h: h.ec_issuer.issue(HOST, names=['mx2.partner.example'], file='cn-beside'),
                               names=('mx2.partner.example',), others=(HOST,)),
    'wildcard': Case(lambda h: h.ec_issuer.issue(f'*.{DOMAIN}', file='star'), names=(HOST, 'mx2.partner.example'),
                     others=(DOMAIN, 'a.mx.partner.example')),
    'partial-wildcard': Case(lambda h: h.ec_issuer.issue(HOST, names=[f'm*.{DOMAIN}'], file='part'), names=(),
                             others=(HOST,)),
    'idn': Case(lambda h: h.ec_issuer.issue(BOOKS_ASCII, file='idn'), names=(BOOKS, BOOKS_ASCII),
                others=('mx.bucher.example',)),
    'rsa-1024': Case(lambda h: h.rsa_issuer.issue(HOST, key='rsa1024', file='short'), chain='weak-certificate', imported='shorter than 2048',
                     weak=True),
    'sha-1': Case(sealed_by_sha1, chain='weak-certificate', imported='SHA-1', weak=True),
}


def make(hierarchy, name):
    """The certificate of a case, made once."""
    made = hierarchy.__dict__.setdefault('made', {})
    if name not in made:
        made[name] = CASES[name].make(hierarchy)
    return made[name]


def server_context(hierarchy, name):
    """A peer's, whatever it thinks of its own certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if CASES[name].weak:
        context.set_ciphers('ALL:@SECLEVEL=0')
    certificate = make(hierarchy, name)
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


def client_context(hierarchy, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if CASES[name].weak:
        context.set_ciphers('ALL:@SECLEVEL=0')
    certificate = make(hierarchy, name)
    context.load_cert_chain(certificate.chain, certificate.key)
    return context
