"""Certificate authorities and certificates for the tests, made by the openssl program."""
import hashlib
import pathlib
import subprocess
import textwrap
from dataclasses import dataclass


def openssl(*arguments, cwd=None):
    done = subprocess.run(['openssl', *map(str, arguments)], cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f'openssl {" ".join(map(str, arguments))}: {done.stderr}')
    return done.stdout


@dataclass
class Certificate:
    chain: pathlib.Path  # leaf first, then intermediates
    key: pathlib.Path
    leaf: pathlib.Path


class Authority:
    """A CA in a directory of its own; below PARENT it is an intermediate.

    EXTENSIONS: more of its own certificate ('nameConstraints=critical,permitted;DNS:x.example').  ENDPOINTS: what
    stands in everything that it issues: {'crl': URL or list of them, 'ocsp': URL, 'issuer': URL}."""

    def __init__(self, directory, name, parent=None, key='ec', subject=None, extensions=(), endpoints=None, start=None,
                 end=None, digest=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.name = name
        self.parent = parent
        self.endpoints = endpoints or {}
        self.key = self.directory / 'ca.key.pem'
        self.certificate = self.directory / 'ca.pem'
        (self.directory / 'index.txt').touch()
        (self.directory / 'serial').write_text('1000\n')
        self._configure()
        make_key(self.key, key)
        self.request = self.directory / 'ca.csr'
        extensions = [*extensions, *(parent.pointers() if parent else [])]
        openssl('req', '-new', '-utf8', '-key', self.key, '-subj', subject or f'/O=Sealpost tests/CN={name}',
                *added(extensions), '-out', self.request)
        signer = parent or self
        signer._sign(self.request, self.certificate, 'authority', start, end, parent is None, digest)

    def pointers(self):
        """Extensions by which what this one issues says where to ask about it."""
        found = []
        lists = self.endpoints.get('crl', [])
        if lists:
            found.append('crlDistributionPoints=' +
                         ','.join(f'URI:{url}' for url in ([lists] if isinstance(lists, str) else lists)))
        access = [f'{what};URI:{self.endpoints[key]}' for key, what in (('ocsp', 'OCSP'), ('issuer', 'caIssuers'))
                  if key in self.endpoints]
        return found + (['authorityInfoAccess=' + ','.join(access)] if access else [])

    def cross_sign(self, other, file='cross'):
        """Another certificate for the name and key of OTHER, issued by this one; its path."""
        out = self.directory / f'{file}.pem'
        self._sign(other.request, out, 'authority')
        return out

    def _configure(self):
        (self.directory / 'ca.conf').write_text(textwrap.dedent(f'''
            [ca]
            default_ca = this
            [this]
            dir = {self.directory}
            new_certs_dir = {self.directory}
            database = {self.directory}/index.txt
            serial = {self.directory}/serial
            certificate = {self.certificate}
            private_key = {self.key}
            default_md = sha256
            default_crl_days = 30
            crl = {self.directory}/crl.pem
            policy = any
            unique_subject = no
            copy_extensions = copy
            [any]
            commonName = optional
            organizationName = optional
            organizationalUnitName = optional
            localityName = optional
            stateOrProvinceName = optional
            countryName = optional
            [authority]
            basicConstraints = critical, CA:TRUE
            keyUsage = critical, keyCertSign, cRLSign
            subjectKeyIdentifier = hash
            [leaf]
            basicConstraints = critical, CA:FALSE
            subjectKeyIdentifier = hash
            '''))

    def _sign(self, request, out, extensions, start=None, end=None, self_sign=False, digest=None):
        arguments = ['ca', '-batch', '-notext', '-config', self.directory / 'ca.conf', '-extensions', extensions,
                     '-in', request, '-out', out]
        arguments += ['-startdate', start] if start else []
        arguments += ['-enddate', end] if end else ['-days', '365']
        arguments += ['-selfsign'] if self_sign else []
        arguments += ['-md', digest] if digest else []
        openssl(*arguments)

    def revoke(self, certificate):
        openssl('ca', '-config', self.directory / 'ca.conf', '-revoke', certificate.leaf)

    def crl(self, stale=False):
        """The revocation list as of now, PEM; STALE: one that has long run out."""
        out = self.directory / 'crl.pem'
        validity = ['-crl_lastupdate', '20200101000000Z', '-crl_nextupdate', '20200201000000Z'] if stale else []
        openssl('ca', '-config', self.directory / 'ca.conf', '-gencrl', *validity, '-out', out)
        return out.read_text()

    @property
    def pem(self):
        return self.certificate.read_text()

    def root(self):
        return self.parent.root() if self.parent else self

    def issue(self, name, names=None, key='ec', start=None, end=None, usage='serverAuth,clientAuth', file=None,
              leaf_only=False, subject=None, extensions=(), digest=None):
        """A certificate for NAME. NAMES: its SANs (default [NAME]; [] for a CN only). START, END: YYYYMMDDHHMMSSZ."""
        base = self.directory / (file or name.replace('*', 'wildcard'))
        paths = Certificate(base.with_name(base.name + '.chain.pem'), base.with_name(base.name + '.key.pem'),
                            base.with_name(base.name + '.pem'))
        make_key(paths.key, key)
        extensions = [*extensions, *self.pointers()]
        names = [name] if names is None else names
        if names:
            extensions.append('subjectAltName=' + ','.join(f'DNS:{n}' for n in names))
        if usage:
            extensions.append(f'extendedKeyUsage={usage}')
        request = base.with_name(base.name + '.csr')
        openssl('req', '-new', '-utf8', '-key', paths.key, '-subj', subject or f'/O=Sealpost tests/CN={name}',
                *added(extensions), '-out', request)
        self._sign(request, paths.leaf, 'leaf', start, end, digest=digest)
        chain, authority = paths.leaf.read_text(), self
        while authority.parent and not leaf_only:
            chain += authority.pem
            authority = authority.parent
        paths.chain.write_text(chain)
        return paths


def added(extensions):
    return [word for extension in extensions for word in ('-addext', extension)]


def spki_pin(certificate):
    """SHA-256 of the public key, hex."""
    public = openssl('x509', '-in', certificate.leaf, '-noout', '-pubkey')
    der = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'der'], input=public.encode(), capture_output=True,
                         check=True).stdout
    return hashlib.sha256(der).hexdigest()


def make_key(path, kind):
    if kind.startswith('ec'):
        openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', f'ec_paramgen_curve:{kind.removeprefix("ec") or "P-256"}',
                '-out', path)
    else:
        openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', f'rsa_keygen_bits:{kind.removeprefix("rsa") or 2048}',
                '-out', path)


def self_signed(directory, name, file='self'):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    paths = Certificate(directory / f'{file}.chain.pem', directory / f'{file}.key.pem', directory / f'{file}.chain.pem')
    make_key(paths.key, 'ec')
    openssl('req', '-x509', '-key', paths.key, '-subj', f'/CN={name}', '-addext', f'subjectAltName=DNS:{name}',
            '-days', '30', '-out', paths.chain)
    return paths
