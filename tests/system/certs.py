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
    """A CA in a directory of its own; below PARENT it is an intermediate."""

    def __init__(self, directory, name, parent=None, key='ec'):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.name = name
        self.parent = parent
        self.key = self.directory / 'ca.key.pem'
        self.certificate = self.directory / 'ca.pem'
        (self.directory / 'index.txt').touch()
        (self.directory / 'serial').write_text('1000\n')
        self._configure()
        make_key(self.key, key)
        request = self.directory / 'ca.csr'
        openssl('req', '-new', '-key', self.key, '-subj', f'/O=Sealpost tests/CN={name}', '-out', request)
        signer = parent or self
        signer._sign(request, self.certificate, 'authority', self_sign=parent is None)

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
            countryName = optional
            [authority]
            basicConstraints = critical, CA:TRUE
            keyUsage = critical, keyCertSign, cRLSign
            subjectKeyIdentifier = hash
            [leaf]
            basicConstraints = critical, CA:FALSE
            subjectKeyIdentifier = hash
            '''))

    def _sign(self, request, out, extensions, start=None, end=None, self_sign=False):
        arguments = ['ca', '-batch', '-notext', '-config', self.directory / 'ca.conf', '-extensions', extensions,
                     '-in', request, '-out', out]
        arguments += ['-startdate', start] if start else []
        arguments += ['-enddate', end] if end else ['-days', '365']
        arguments += ['-selfsign'] if self_sign else []
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
              leaf_only=False):
        """A certificate for NAME. NAMES: its SANs (default [NAME]; [] for a CN only). START, END: YYYYMMDDHHMMSSZ."""
        base = self.directory / (file or name.replace('*', 'wildcard'))
        paths = Certificate(base.with_name(base.name + '.chain.pem'), base.with_name(base.name + '.key.pem'),
                            base.with_name(base.name + '.pem'))
        make_key(paths.key, key)
        extensions = []
        names = [name] if names is None else names
        if names:
            extensions += ['-addext', 'subjectAltName=' + ','.join(f'DNS:{n}' for n in names)]
        if usage:
            extensions += ['-addext', f'extendedKeyUsage={usage}']
        request = base.with_name(base.name + '.csr')
        openssl('req', '-new', '-key', paths.key, '-subj', f'/O=Sealpost tests/CN={name}', *extensions, '-out', request)
        self._sign(request, paths.leaf, 'leaf', start, end)
        chain, authority = paths.leaf.read_text(), self
        while authority.parent and not leaf_only:
            chain += authority.pem
            authority = authority.parent
        paths.chain.write_text(chain)
        return paths


def spki_pin(certificate):
    """SHA-256 of the public key, hex."""
    public = openssl('x509', '-in', certificate.leaf, '-noout', '-pubkey')
    der = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'der'], input=public.encode(), capture_output=True,
                         check=True).stdout
    return hashlib.sha256(der).hexdigest()


def make_key(path, kind):
    if kind == 'ec':
        openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', path)
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
