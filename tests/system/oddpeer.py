"""An SMTP or LMTP server that misbehaves as told, and remembers what reached it.

Real servers cannot be made to fail in all these ways; what works is tested against the real ones."""
import socket
import ssl
import threading

from sealpost import free_port


class OddPeer:
    """behaviour:
        offer            EHLO keywords offered in clear (default: STARTTLS and the usual)
        starttls         'ok' | 'refuse' (454) | 'garbage' (not TLS after 220) | 'close' (after 220)
                         | 'small' (closes unless the ClientHello is clearly shorter than one seen before)
        context          ssl.SSLContext for the handshake
        replies          {verb: reply line} instead of the usual; 'CLOSE' closes without a word
        final            reply after the content; 'CLOSE' closes
        greeting         first line
        inject           text sent behind "220 go ahead" in clear, before the handshake
        recipients       {address: reply} for RCPT
        most_recipients  452 for those behind that many in one transaction
        lmtp             one final reply for each accepted recipient
        finals           with lmtp: {address: reply} instead of FINAL
        hold             threading.Event: no final reply before it is set
    """

    def __init__(self, certificate=None, **behaviour):
        self.port = free_port()
        self.behaviour = behaviour
        self.context = behaviour.get('context')
        if certificate and self.context is None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate.chain, certificate.key)
        self.clear = bytearray()      # everything received outside TLS
        self.commands = []            # every command line, in TLS or not
        self.messages = []            # (envelope lines, content, was TLS)
        self.certificates = []        # of each handshake: the client's, as DER, or None
        self.hellos = []              # length of each ClientHello
        self.connections = 0
        self.holding = 0              # transactions that wait for HOLD
        self.most_holding = 0
        self.lock = threading.Lock()
        self.handshake_errors = []
        self._socket = socket.create_server(('127.0.0.1', self.port), backlog=50)
        self._closing = False
        self._open = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self):
        self._closing = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()

    def drop(self):
        """Close all connections; who comes again is served."""
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def verbs_in_clear(self):
        """The commands received outside TLS, upper case."""
        return [line.split(b' ')[0].split(b':')[0].strip().upper().decode('latin-1')
                for line in bytes(self.clear).split(b'\r\n') if line.strip()]

    def _accept(self):
        while not self._closing:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._guard, args=(connection,), daemon=True)
            thread.start()

    def _guard(self, connection):
        connection.settimeout(60)
        session = _Session(self, connection)
        try:
            session.run()
        except (OSError, ssl.SSLError, EOFError):
            pass
        finally:
            self._open.discard(session.connection)
            session.connection.close()


class _Session:
    def __init__(self, peer, connection):
        self.peer = peer
        self.connection = connection
        peer._open.add(connection)
        self.is_tls = False
        self.buffer = b''
        self.envelope = []

    def run(self):
        how = self.peer.behaviour
        self.say(how.get('greeting', '220 odd.example ESMTP'))
        while True:
            line = self.line()
            self.peer.commands.append(line.decode('utf-8', 'surrogateescape'))
            verb = line.split(b' ')[0].upper().decode('latin-1')
            reply = how.get('replies', {}).get(verb)
            if reply == 'CLOSE':
                return
            if reply:
                self.say(reply)
            elif not self.command(verb, line):
                return

    def command(self, verb, line):
        if verb in ('EHLO', 'LHLO'):
            self.ehlo()
        elif verb == 'STARTTLS':
            return self.starttls()
        elif verb in ('MAIL', 'RCPT'):
            reply = self.peer.behaviour.get('recipients', {}).get(address_of(line), '250 2.1.0 fine')
            if len(self.envelope) > self.peer.behaviour.get('most_recipients', 10000):
                reply = '452 4.5.3 too many recipients'
            if reply.startswith('250'):
                self.envelope.append(line)
            self.say(reply)
        elif verb == 'DATA':
            self.say('354 go on')
            return self.content(self.until_dot())
        elif verb == 'BDAT':
            return self.bdat(line)
        elif verb == 'QUIT':
            self.say('221 2.0.0 bye')
            return False
        else:
            if verb == 'RSET':
                self.envelope = []
            self.say('250 2.0.0 fine')
        return True

    def ehlo(self):
        usual = ['PIPELINING', 'SIZE 10000000', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', 'DSN', 'CHUNKING']
        offer = list(self.peer.behaviour.get('offer', usual + (['STARTTLS'] if self.peer.context else [])))
        if self.is_tls and 'STARTTLS' in offer:
            offer.remove('STARTTLS')
        lines = ['odd.example', *offer]
        self.say('\r\n'.join(f'250{"-" if i < len(lines) - 1 else " "}{text}' for i, text in enumerate(lines)))

    def starttls(self):
        how = self.peer.behaviour.get('starttls', 'ok')
        if how == 'refuse':
            self.say('454 4.7.0 TLS not available')
            return True
        self.say('220 2.0.0 go ahead' + self.peer.behaviour.get('inject', ''))
        if how == 'garbage':
            self.connection.sendall(b'500 this is not TLS\r\n' * 3)
            self.connection.recv(4096)
            return False
        if how == 'close':
            self.connection.recv(4096)
            return False
        length = length_of_hello(self.connection)
        self.peer.hellos.append(length)
        if how == 'small' and length > max(self.peer.hellos) - 40:
            return False
        try:
            self.peer._open.discard(self.connection)
            self.connection = self.peer.context.wrap_socket(self.connection, server_side=True)
            self.peer._open.add(self.connection)
        except ssl.SSLError as problem:
            self.peer.handshake_errors.append(str(problem))
            raise
        self.peer.certificates.append(self.connection.getpeercert(True))
        self.is_tls, self.buffer, self.envelope = True, b'', []
        return True

    def bdat(self, line):
        parts = line.split()
        size, last = int(parts[1]), len(parts) > 2
        while len(self.buffer) < size:
            self.more()
        self.chunks = getattr(self, 'chunks', b'') + self.buffer[:size]
        self.buffer = self.buffer[size:]
        if not last:
            self.say('250 2.0.0 chunk')
            return True
        content, self.chunks = self.chunks, b''
        return self.content(content)

    def content(self, content):
        how = self.peer.behaviour
        final = how.get('final', '250 2.0.0 taken')
        self.wait_while_held()
        if final == 'CLOSE':
            return False
        self.peer.messages.append((self.envelope, content, self.is_tls))
        envelope, self.envelope = self.envelope, []
        if how.get('lmtp'):
            for line in envelope[1:]:
                self.say(how.get('finals', {}).get(address_of(line), final))
        else:
            self.say(final)
        return True

    def wait_while_held(self):
        hold = self.peer.behaviour.get('hold')
        if hold is None:
            return
        with self.peer.lock:
            self.peer.holding += 1
            self.peer.most_holding = max(self.peer.most_holding, self.peer.holding)
        hold.wait(60)
        with self.peer.lock:
            self.peer.holding -= 1

    def until_dot(self):
        while b'\r\n.\r\n' not in b'\r\n' + self.buffer:
            self.more()
        content, self.buffer = (b'\r\n' + self.buffer).split(b'\r\n.\r\n', 1)
        return content[2:] + b'\r\n'

    def line(self):
        while b'\r\n' not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b'\r\n', 1)
        return line

    def more(self):
        data = self.connection.recv(65536)
        if not data:
            raise EOFError
        if not self.is_tls:
            self.peer.clear += data
        self.buffer += data

    def say(self, text):
        self.connection.sendall(text.encode() + b'\r\n')


def address_of(line):
    """The address in a MAIL or RCPT command."""
    return line.partition(b'<')[2].partition(b'>')[0].decode()


def length_of_hello(connection):
    """Bytes in the first TLS record, without taking them off the socket."""
    head = connection.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL)
    return int.from_bytes(head[3:5], 'big') if len(head) == 5 else 0
