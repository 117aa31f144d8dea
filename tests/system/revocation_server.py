"""A web server for revocation lists, OCSP and issuers' certificates that misbehaves on demand.

    server = RevocationServer()                          # listens; its URLs go into certificates
    ca = Authority(path, 'CA', endpoints=server.endpoints('ca'))
    server.serve('ca', ca)                               # now it has something to say
    server.conduct['/ca.ocsp'] = 'stall'                 # from now on
    server.release()                                     # let those go that are stalled

What it can do wrong: see CONDUCTS.  A conduct may also be a function that gets the request's handler and sends what it likes."""
import http.server
import socket
import struct
import subprocess
import tempfile
import threading
from collections import Counter

from certs import openssl

HUGE = 40 * 1024 * 1024  # more than fetch.size allows unless told otherwise
STATUS = {'not-found': 404, 'forbidden': 403, 'broken': 500, 'busy': 503}
REDIRECTS = {
    'redirect-loop': None,  # to itself
    'redirect-private': 'http://10.1.2.3/x',
    'redirect-metadata': 'http://169.254.169.254/latest/meta-data',
    'redirect-file': 'file:///etc/passwd',
    'redirect-nowhere': '',
}
LISTS = {  # words of `openssl ca -gencrl`, extensions of the list
    'good': ([], ''),
    'stale': (['-crl_lastupdate', '20200101000000Z', '-crl_nextupdate', '20200201000000Z'], ''),
    'early': (['-crl_lastupdate', '20450101000000Z', '-crl_nextupdate', '20460101000000Z'], ''),
    'delta': ([], '2.5.29.27 = critical, DER:020101'),  # deltaCRLIndicator
    'indirect': ([], 'issuingDistributionPoint = critical, indirectCRL:TRUE'),
    'other-part': ([], 'issuingDistributionPoint = critical, fullname:URI:http://elsewhere.example/part.crl'),
    'authorities-only': ([], 'issuingDistributionPoint = critical, onlyCA:TRUE'),
    'users-only': ([], 'issuingDistributionPoint = critical, onlyuser:TRUE'),
}
# 'slow' and 'stall' begin nothing; 'trickle' begins and does not end; 'reset' closes by RST.
CONDUCTS = {*STATUS, *REDIRECTS, *LISTS, 'slow', 'stall', 'trickle', 'huge', 'truncated', 'page', 'empty', 'wrong-signer', 'reset',
            'unauthorized', 'right-part'}


def generate_list(authority, conduct='good', url=None, signer=None):
    """A list of AUTHORITY as of now, DER.  SIGNER: another authority signs it, in its name."""
    words, extension = LISTS.get(conduct, ([], ''))
    if conduct == 'right-part':
        extension = f'issuingDistributionPoint = critical, fullname:URI:{url}'
    with tempfile.TemporaryDirectory() as directory:
        config = (authority.directory / 'ca.conf').read_text()
        if signer is not None:
            namesake = f'{directory}/namesake.pem'  # of AUTHORITY's name, with SIGNER's key
            openssl('x509', '-in', authority.certificate, '-signkey', signer.key, '-out', namesake)
            config = config.replace(str(authority.key), str(signer.key)).replace(str(authority.certificate), namesake)
        if extension:
            config += f'\n[these]\n{extension}\n'
            words = [*words, '-crlexts', 'these']
        path = f'{directory}/ca.conf'
        with open(path, 'w') as file:
            file.write(config)
        openssl('ca', '-config', path, '-gencrl', *words, '-out', f'{directory}/list.pem')
        openssl('crl', '-in', f'{directory}/list.pem', '-outform', 'DER', '-out', f'{directory}/list.der')
        with open(f'{directory}/list.der', 'rb') as file:
            return file.read()


def respond(authority, question, conduct='good', signer=None):
    """The OCSP response of AUTHORITY to QUESTION (DER), DER."""
    if conduct == 'unauthorized':
        return bytes.fromhex('30030a0106')  # RFC 6960 4.2.1
    signer = signer or authority
    with tempfile.TemporaryDirectory() as directory:
        with open(f'{directory}/question', 'wb') as file:
            file.write(question)
        dates = ['-ndays', '1']
        command = ['ocsp', '-index', authority.directory / 'index.txt', '-CA', authority.certificate,
                   '-rsigner', signer.certificate, '-rkey', signer.key, '-reqin', f'{directory}/question',
                   '-respout', f'{directory}/response', *dates]
        if conduct in ('stale', 'early'):
            when = '2020-01-01 00:00:00' if conduct == 'stale' else '2045-01-01 00:00:00'
            subprocess.run(['faketime', when, 'openssl', *map(str, command)], check=True, capture_output=True)
        else:
            openssl(*command)
        with open(f'{directory}/response', 'rb') as file:
            return file.read()


TYPES = {'crl': 'application/pkix-crl', 'ocsp': 'application/ocsp-response', 'cer': 'application/pkix-cert'}


class Handler(http.server.BaseHTTPRequestHandler):
    timeout = 60

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.answer(b'')

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers.get('Content-Length', 0))))

    def answer(self, body):
        owner = self.server.owner
        owner.hits[self.path] += 1
        conduct = owner.conduct.get(self.path, 'good')
        try:
            if callable(conduct):
                conduct(self)
            else:
                self.behave(owner, conduct, body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # whoever asked has had enough

    def send(self, content, status=200, headers=(), length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def behave(self, owner, conduct, body):
        assert conduct in CONDUCTS, conduct
        if conduct == 'slow':
            owner.released.wait(owner.delay)
            conduct = 'good'
        if conduct == 'stall':
            owner.released.wait(60)
        elif conduct == 'trickle':
            self.send(b'0', length=1000)
            self.wfile.flush()
            owner.released.wait(60)
        elif conduct == 'reset':
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            self.connection.close()
        elif conduct in STATUS:
            self.send(b'no', STATUS[conduct])
        elif conduct in REDIRECTS:
            to = REDIRECTS[conduct]
            self.send(b'', 302, [] if to == '' else [('Location', to or self.path)])
        elif conduct == 'huge':
            self.send(b'', length=HUGE)
            for _ in range(HUGE // 65536):
                self.wfile.write(bytes(65536))
        elif conduct == 'page':
            self.send(b'<html><body>Please log in.</body></html>', headers=[('Content-Type', 'text/html')])
        elif conduct == 'empty':
            self.send(b'')
        else:
            content = owner.content(self.path, conduct, body)
            if content is None:
                self.send(b'there is no such thing', 404)
            elif conduct == 'truncated':
                self.send(content[:-20])
            else:
                self.send(content, headers=[('Content-Type', TYPES[self.path.rpartition('.')[2]])])


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class RevocationServer:
    def __init__(self, address='127.0.0.1', port=0, host=None):
        """HOST: what stands in the URLs; else ADDRESS."""
        self.server = Server((address, port), Handler)
        self.server.owner = self
        self.address = address
        self.port = self.server.server_address[1]
        self.base = f'http://{host or address}:{self.port}'
        self.authorities = {}
        self.conduct = {}  # path -> a word of CONDUCTS, or a function
        self.stranger = None  # an authority that signs for 'wrong-signer'
        self.delay = 2  # seconds of 'slow'
        self.hits = Counter()
        self.released = threading.Event()
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)
        self.thread.start()

    def endpoints(self, name):
        """For Authority(endpoints=...)."""
        return {'crl': f'{self.base}/{name}.crl', 'ocsp': f'{self.base}/{name}.ocsp', 'issuer': f'{self.base}/{name}.cer'}

    def serve(self, name, authority):
        self.authorities[name] = authority

    def content(self, path, conduct, body):
        name, _, what = path.strip('/').rpartition('.')
        authority = self.authorities.get(name)
        signer = self.stranger if conduct == 'wrong-signer' else None
        if authority is None:
            return None
        if what == 'crl':
            return generate_list(authority, conduct, self.base + path, signer)
        if what == 'ocsp':
            return respond(authority, body, conduct, signer)
        if what == 'cer':
            return subprocess.run(['openssl', 'x509', '-in', authority.certificate, '-outform', 'DER'], check=True,
                                  capture_output=True).stdout
        return None

    def release(self):
        """Let go who is stalled; new ones stall again."""
        self.released.set()
        self.released = threading.Event()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
