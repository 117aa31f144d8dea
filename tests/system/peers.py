"""Real mail servers from Debian as peers, each in a directory of its own, on loopback."""
import os
import pathlib
import pwd
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
        return sorted(new.iterdir()) if new.exists() else []

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
