"""Real mail servers from Debian as peers, each in a directory of its own, on loopback."""
import email
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import textwrap

from sealpost import alive, free_port
from waiting import wait_for


def run(*command, check=True, **named):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=check, timeout=60, **named)


def make_traversable(directory):
    """Let the peers' own users reach a directory below pytest's private one."""
    path = pathlib.Path(directory)
    while path != path.parent and path.owner() == pwd.getpwuid(os.getuid()).pw_name and path != pathlib.Path('/tmp'):
        path.chmod(path.stat().st_mode | 0o711)
        path = path.parent


def greets(port, host='127.0.0.1'):
    import smtplib
    with smtplib.SMTP(host, port, timeout=5) as client:
        return client.noop()[0] == 250


class Postfix:
    """A Postfix with its own configuration and queue.  SETTINGS go to main.cf.

    With PREFIX (ip netns exec NAME) it has a network of its own, and listens on port 25 of all its addresses."""

    def __init__(self, directory, hostname, settings=None, prefix=()):
        self.directory = pathlib.Path(directory)
        self.hostname = hostname
        self.prefix = list(prefix)
        self.port = 25 if prefix else free_port()
        self.conf = self.directory / 'conf'
        self.queue = self.directory / 'queue'
        self.data = self.directory / 'data'
        self.mail = self.directory / 'mail'
        self.log = self.directory / 'log'
        for path in (self.conf, self.queue, self.data, self.mail):
            path.mkdir(parents=True, exist_ok=True)
        make_traversable(self.directory)
        shutil.chown(self.data, 'postfix')
        self.mail.chmod(0o777)
        self.settings = {
            'compatibility_level': '3.6',
            'queue_directory': self.queue,
            'data_directory': self.data,
            'myhostname': hostname,
            'mydestination': '',
            'inet_interfaces': '127.0.0.1',
            'inet_protocols': 'ipv4',
            'mynetworks': '127.0.0.0/8',
            'maillog_file': self.log,
            'maillog_file_prefixes': str(self.directory),
            'virtual_mailbox_base': self.mail,
            'virtual_uid_maps': 'static:65534',
            'virtual_gid_maps': 'static:65534',
            'virtual_minimum_uid': '1',
            'smtpd_relay_restrictions': 'permit_mynetworks, reject',
            'smtpd_recipient_restrictions': '',
            'smtputf8_enable': 'no',
            'smtp_tls_loglevel': '1',
            'smtpd_tls_loglevel': '1',
            'minimal_backoff_time': '2s',
            'maximal_backoff_time': '5s',
            'queue_run_delay': '2s',
            'alias_maps': '',
            'alias_database': '',
            **(settings or {}),
        }

    def accept_domain(self, domain, *locals_):
        """Deliver mail for LOCALS at DOMAIN into Maildirs mail/LOCAL/."""
        boxes = self.directory / 'boxes'
        boxes.write_text(''.join(f'{local}@{domain} {local}/\n' for local in locals_))
        self.settings['virtual_mailbox_domains'] = domain
        self.settings['virtual_mailbox_maps'] = f'texthash:{boxes}'
        return self

    def start(self):
        listener = '25' if self.prefix else f'127.0.0.1:{self.port}'
        (self.conf / 'main.cf').write_text(''.join(f'{k} = {v}\n' for k, v in self.settings.items()))
        (self.conf / 'master.cf').write_text(textwrap.dedent(f'''
            {listener} inet n - n - - smtpd
            pickup unix n - n 60 1 pickup
            cleanup unix n - n - 0 cleanup
            qmgr unix n - n 300 1 qmgr
            tlsmgr unix - - n 1000? 1 tlsmgr
            tlsproxy unix - - n - 0 tlsproxy
            rewrite unix - - n - - trivial-rewrite
            bounce unix - - n - 0 bounce
            defer unix - - n - 0 bounce
            trace unix - - n - 0 bounce
            verify unix - - n - 1 verify
            flush unix n - n 1000? 0 flush
            proxymap unix - - n - - proxymap
            proxywrite unix - - n - 1 proxymap
            smtp unix - - n - - smtp
            relay unix - - n - - smtp
            error unix - - n - - error
            retry unix - - n - - error
            discard unix - - n - - discard
            local unix - n n - - local
            virtual unix - n n - - virtual
            anvil unix - - n - 1 anvil
            scache unix - - n - 1 scache
            postlog unix-dgram n - n - 1 postlogd
            '''))
        done = run(*self.prefix, 'postfix', '-c', self.conf, 'start', check=False)
        try:
            assert done.returncode == 0, done.stdout + done.stderr + self.log_text()
            if not self.prefix:
                wait_for(lambda: greets(self.port), f'Postfix {self.hostname} to greet')
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        pid_file = self.queue / 'pid' / 'master.pid'
        pid = int(pid_file.read_text()) if pid_file.exists() else 0
        run('postfix', '-c', self.conf, 'stop', check=False)
        if pid:
            wait_for(lambda: not alive(pid), 'Postfix to end')

    close = stop

    def log_text(self):
        return self.log.read_text(errors='replace') if self.log.exists() else ''

    def maildir(self, local):
        new = self.mail / local / 'new'
        return sorted(new.iterdir(), key=lambda p: p.stat().st_mtime_ns) if new.exists() else []

    def flush(self):
        run('postqueue', '-c', self.conf, '-f')


class Dovecot:
    """Dovecot's LMTP server, on TCP and on a Unix socket; mail lands in mail/LOCAL/."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.port = free_port()
        self.mail = self.directory / 'mail'
        self.mail.mkdir(parents=True)
        self.socket = self.directory / 'lmtp'
        self.log = self.directory / 'log'
        self.process = None
        make_traversable(self.directory)
        self.mail.chmod(0o777)

    def start(self):
        conf = self.directory / 'dovecot.conf'
        conf.write_text(textwrap.dedent(f'''
            base_dir = {self.directory}/run
            state_dir = {self.directory}/state
            log_path = {self.log}
            protocols = lmtp
            listen = 127.0.0.1
            ssl = no
            default_internal_user = nobody
            default_login_user = nobody
            default_internal_group = nogroup
            mail_uid = nobody
            mail_gid = nogroup
            first_valid_uid = 1
            mail_location = maildir:{self.mail}/%n
            auth_username_format = %n
            passdb {{
              driver = static
              args = nopassword
            }}
            userdb {{
              driver = static
              args = uid=nobody gid=nogroup home={self.mail}/%n
            }}
            service lmtp {{
              inet_listener lmtp {{
                address = 127.0.0.1
                port = {self.port}
              }}
              unix_listener {self.socket} {{
                mode = 0666
              }}
            }}
            service anvil {{
              chroot =
            }}
            service stats {{
              chroot =
            }}
            protocol lmtp {{
              postmaster_address = postmaster@example.org
            }}
            '''))
        self.process = subprocess.Popen(['dovecot', '-F', '-c', str(conf)], stdin=subprocess.DEVNULL,
                                        stdout=open(self.directory / 'out', 'ab'), stderr=subprocess.STDOUT)

        def ready():
            assert self.process.poll() is None, (self.directory / 'out').read_text() + self.log_text()
            return self.socket.exists()
        wait_for(ready, 'Dovecot to listen')
        return self

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None

    close = stop

    def log_text(self):
        return self.log.read_text(errors='replace') if self.log.exists() else ''

    def messages(self, local):
        new = self.mail / local / 'new'
        return sorted(new.iterdir()) if new.exists() else []


class Exim:
    """Exim on loopback, which takes mail for DOMAIN's joe into mail/joe/, and sends mail for ROUTES elsewhere.

    CERTIFICATE (certs.Certificate) is its own as a server and, where CLIENT_CERTIFICATE says nothing else, as a client:
    None presents none.  TRUST (PEM file) is what it verifies both sides with.  DEMAND: 'nothing' of a client's
    certificate, 'any' trusted one in the handshake, or a name that a trusted one must have when it says RCPT.
    ROUTES: {domain: (port, name that the server's certificate must have)}; TLS is always required there.

    Whether mail may come in clear is REQUIRE_TLS: a test that nothing does so lets it, and looks at envelopes()."""

    program = pathlib.Path('/opt/sealpost-peers/exim/usr/sbin/exim4')  # put there by tools/setup.sh

    def __init__(self, directory, hostname, domain, certificate, trust, demand='nothing', routes=None, require_tls=True,
                 **more):
        if not self.program.exists():
            raise FileNotFoundError(f'{self.program}: tools/setup.sh check unpacks it')
        self.directory = pathlib.Path(directory)
        self.hostname = hostname
        self.domain = domain
        self.demand = demand
        self.routes = routes or {}
        self.require_tls = require_tls
        self.port = free_port()
        self.conf = self.directory / 'exim.conf'
        self.mail = self.directory / 'mail'
        self.log = self.directory / 'mainlog'
        self.process = None
        # Root's Exim serves as its own user; anybody else's can only be that one's.
        account = pwd.getpwnam('Debian-exim') if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self.user, self.ids = account.pw_name, (account.pw_uid, account.pw_gid)
        for path in (self.directory, self.directory / 'spool', self.mail):
            path.mkdir(parents=True)
        make_traversable(self.directory)
        for path in (self.directory, self.directory / 'spool', self.mail):
            os.chown(path, *self.ids)
        for name in ('mainlog', 'paniclog', 'rejectlog'):  # whoever logs first would own it
            (self.directory / name).touch()
            os.chown(self.directory / name, *self.ids)
        self.trust = self.own_copy(trust, 'trust.pem')
        self.server = self.own_pair(certificate, 'server')
        self.client = self.own_pair(more.get('client_certificate', certificate), 'client')

    def own_copy(self, file, name):
        copy = self.directory / name
        shutil.copyfile(file, copy)
        copy.chmod(0o600)
        os.chown(copy, *self.ids)
        return copy

    def own_pair(self, certificate, name):
        """The options for a certificate that Exim's own user can read."""
        if certificate is None:
            return ''
        return (f'tls_certificate = {self.own_copy(certificate.chain, name + ".chain.pem")}\n'
                f'tls_privatekey = {self.own_copy(certificate.key, name + ".key.pem")}\n')

    def main_section(self):
        verify = {'nothing': 'tls_verify_hosts =', 'any': 'tls_verify_hosts = *'}
        return f'''
exim_path = {self.program}
exim_user = {self.user}
exim_group = {self.ids[1]}
spool_directory = {self.directory}/spool
log_file_path = {self.directory}/%slog
pid_file_path = {self.directory}/pid
primary_hostname = {self.hostname}
local_interfaces = 127.0.0.1.{self.port}
# A configuration that is not Debian's own takes the privileges for deliveries away: every delivery is Exim's user's.
deliver_drop_privilege = true
keep_environment =
never_users =
rfc1413_query_timeout = 0s
tls_advertise_hosts = *
{self.server}
tls_verify_certificates = {self.trust}
{verify.get(self.demand, 'tls_try_verify_hosts = *')}
log_selector = +tls_peerdn +tls_certificate_verified +smtp_no_mail
received_header_text = Received: ${{if def:sender_helo_name {{from $sender_helo_name }}}}by $primary_hostname \\
  with $received_protocol tls ${{tls_in_ver}} $tls_in_cipher verified ${{tls_in_certificate_verified}} \\
  peer <${{tls_in_peerdn}}> id $message_exim_id
acl_smtp_mail = mail
acl_smtp_rcpt = rcpt
'''

    def acl_section(self):
        names = '${certextract{subj_altname,dns,>:}{$tls_in_peercert}{$value}{}}'
        checks = ''
        if self.require_tls:
            checks += 'deny !encrypted = *\n message = 5.7.10 no mail in clear\n'
        if self.demand not in ('nothing', 'any'):
            # Each on its own: the names of what is not trusted say nothing.
            checks += 'deny !verify = certificate\n message = 5.7.51 no trusted client certificate\n'
            checks += (f'deny !condition = ${{if inlisti{{{self.demand}}}{{{names}}}}}\n'
                       f' message = 5.7.51 not the certificate of {self.demand}\n')
        return f'''
begin acl
mail:
  accept logwrite = envelope <$sender_address> tls=$tls_in_cipher
rcpt:
  {checks}
  accept domains = {self.domain}
  deny message = relay not permitted
'''

    def routing_sections(self):
        routers, transports = '', ''
        for number, (domain, (port, name)) in enumerate(self.routes.items()):
            routers += f'''
to_{number}:
  driver = manualroute
  domains = {domain}
  route_list = * 127.0.0.1
  self = send
  transport = to_{number}
  no_more
'''
            # The host is an address here, so Exim's own check of the name cannot be had: the event is its place.
            transports += f'''
to_{number}:
  driver = smtp
  port = {port}
  allow_localhost
  helo_data = {self.hostname}
  hosts_require_tls = *
  hosts_try_fastopen =
  {self.client}
  tls_verify_certificates = {self.trust}
  tls_verify_hosts = *
  tls_verify_cert_hostnames =
  event_action = ${{if and{{{{eq{{tls:cert}}{{$event_name}}}}{{eq{{0}}{{$event_data}}}}}}{{\\
    ${{if !inlisti{{{name}}}{{${{certextract{{subj_altname,dns,>:}}{{$tls_out_peercert}}{{$value}}{{}}}}}}{{not {name}}}}}}}}}
'''
        return f'''
begin routers
{routers}
mailbox:
  driver = accept
  domains = {self.domain}
  local_parts = joe
  transport = mailbox
begin transports
{transports}
mailbox:
  driver = appendfile
  directory = {self.mail}/$local_part_data
  maildir_format
  user = {self.user}
begin retry
* * F,1h,1s
'''

    def start(self):
        self.conf.write_text(self.main_section() + self.acl_section() + self.routing_sections())
        self.process = subprocess.Popen([self.program, '-C', self.conf, '-bdf', '-q1s'], stdin=subprocess.DEVNULL,
                                        stdout=open(self.directory / 'out', 'ab'), stderr=subprocess.STDOUT)

        def ready():
            assert self.process.poll() is None, (self.directory / 'out').read_text() + self.log_text()
            return greets(self.port)
        try:
            wait_for(ready, f'Exim {self.hostname} to greet')
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None

    close = stop

    def submit(self, sender, recipient):
        """Queue a message by the program."""
        done = run(self.program, '-C', self.conf, '-f', sender, recipient, check=False,
                   input=f'From: {sender}\nTo: {recipient}\nSubject: from Exim\n\nHello.\n')
        assert done.returncode == 0, done.stderr + self.log_text()

    def queued(self):
        """How many messages wait here."""
        return int(run(self.program, '-C', self.conf, '-bpc').stdout)

    def log_text(self):
        return self.log.read_text(errors='replace') if self.log.exists() else ''

    def envelopes(self):
        """[(sender, cipher or '')] of every MAIL that was given."""
        return re.findall(r'envelope <(.*)> tls=(.*)', self.log_text())

    def messages(self, local='joe'):
        new = self.mail / local / 'new'
        return [email.message_from_bytes(path.read_bytes()) for path in sorted(new.iterdir())] if new.exists() else []


class Nsd:
    """NSD serving ZONES ({name: zone text without SOA and NS}) on loopback, or on port 53 of ADDRESS."""

    def __init__(self, directory, zones, address=None, prefix=()):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.zones = zones
        self.address = address or '127.0.0.1'
        self.port = 53 if address else free_port()
        self.prefix = list(prefix)
        self.process = None

    def start(self):
        d = self.directory
        conf = [textwrap.dedent(f'''
            server:
              ip-address: {self.address}@{self.port}
              username: ""
              chroot: ""
              zonesdir: "{d}"
              database: ""
              pidfile: "{d}/nsd.pid"
              logfile: "{d}/log"
              xfrdfile: "{d}/xfrd.state"
              xfrdir: "{d}"
              zonelistfile: "{d}/zone.list"
              server-count: 1
              hide-version: yes
            remote-control:
              control-enable: no
            ''')]
        for name in self.zones:
            conf.append(f'zone:\n  name: "{name}"\n  zonefile: "{self.zone_file(name).name}"\n')
        (d / 'nsd.conf').write_text('\n'.join(conf))
        self.process = subprocess.Popen([*self.prefix, 'nsd', '-d', '-c', str(d / 'nsd.conf')], stdin=subprocess.DEVNULL,
                                        stdout=open(d / 'out', 'ab'), stderr=subprocess.STDOUT)

        def ready():
            log = (d / 'log').read_text() if (d / 'log').exists() else ''
            assert self.process.poll() is None, (d / 'out').read_text() + log
            return 'nsd started' in log
        wait_for(ready, 'NSD to start')
        return self

    def zone_file(self, name):
        """Write the zone, and say where."""
        file = self.directory / f'{name.strip(".") or "root"}.zone'
        below = '' if name == '.' else f'.{name}'
        file.write_text(f'$ORIGIN {name}\n$TTL 60\n'
                        f'@ SOA ns{below or "."} hostmaster{below or "."} 1 3600 600 86400 60\n'
                        f'@ NS ns{below or "."}\nns A 127.0.0.1\n{textwrap.dedent(self.zones[name])}\n')
        return file

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None

    close = stop
