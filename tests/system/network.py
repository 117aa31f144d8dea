"""Hosts of their own: network namespaces on one bridge, each with its addresses and all its ports.

Nothing of it touches the machine's own network: the bridge lives in a namespace as well."""
import ctypes
import os
import pathlib
import shutil
import socket
import subprocess
import threading

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def ip(*arguments):
    done = subprocess.run(['ip', *map(str, arguments)], capture_output=True, text=True, timeout=30)
    if done.returncode != 0:
        raise RuntimeError(f'ip {" ".join(map(str, arguments))}: {done.stderr.strip()}')
    return done.stdout


def reason_not_to_run():
    """Why there can be no namespaces here; None when there can."""
    if os.getuid() != 0:
        return 'network namespaces need root'
    if not shutil.which('ip'):
        return 'there is no ip program'
    name = f'seal{os.getpid()}-try'
    try:
        ip('netns', 'add', name)
    except RuntimeError as problem:
        return str(problem)
    ip('netns', 'delete', name)
    return None


class Host:
    """One namespace with 10.77.0.NUMBER and fd77::NUMBER on the bridge."""

    def __init__(self, network, name, number):
        self.name = f'{network.name}-{name}'
        self.number = number
        self.v4, self.v6 = f'10.77.0.{number}', f'fd77::{number}'
        self.prefix = ['ip', 'netns', 'exec', self.name]
        self.port = f'{name[:8]}{os.getpid()}'[:15]  # of the bridge
        self.bridge = network.bridge
        self.resolver = pathlib.Path('/etc/netns') / self.name

    def create(self, nameserver):
        ip('netns', 'add', self.name)
        self.run('ip', 'link', 'set', 'lo', 'up')
        ip('-n', self.bridge, 'link', 'add', self.port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', self.name)
        ip('-n', self.bridge, 'link', 'set', self.port, 'master', 'lan', 'up')
        self.run('ip', 'link', 'set', 'eth0', 'up')
        self.add_addresses(self.number)
        # ip netns exec shows this to programs as /etc/resolv.conf.
        self.resolver.mkdir(parents=True)
        (self.resolver / 'resolv.conf').write_text(f'nameserver {nameserver}\n')

    def add_addresses(self, number):
        self.run('ip', 'address', 'add', f'10.77.0.{number}/24', 'dev', 'eth0')
        self.run('ip', 'address', 'add', f'fd77::{number}/64', 'dev', 'eth0', 'nodad')

    def run(self, *command):
        return subprocess.run([*self.prefix, *command], check=True, capture_output=True, text=True, timeout=30)

    def unplug(self):
        ip('-n', self.bridge, 'link', 'set', self.port, 'down')

    def plug(self):
        ip('-n', self.bridge, 'link', 'set', self.port, 'up')

    def inside(self, work):
        """Run WORK() in a thread of this host: sockets made there belong to it, wherever they are used."""
        outcome = []

        def enter():
            try:
                with open(f'/run/netns/{self.name}') as namespace:
                    if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), 'setns')
                outcome.append((work(), None))
            except BaseException as problem:  # noqa: BLE001 - raised again by the caller
                outcome.append((None, problem))

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        result, problem = outcome[0]
        if problem:
            raise problem
        return result


class Network:
    """A bridge, and the hosts on it by name; host NAMESERVER is where all look names up."""

    def __init__(self, names, nameserver):
        self.name = f'seal{os.getpid()}'
        self.bridge = f'{self.name}-lan'
        self.hosts = {name: Host(self, name, 11 + n) for n, name in enumerate(names)}
        self.nameserver = self.hosts[nameserver].v4

    def create(self):
        ip('netns', 'add', self.bridge)
        ip('-n', self.bridge, 'link', 'add', 'lan', 'type', 'bridge', 'forward_delay', '0')
        ip('-n', self.bridge, 'link', 'set', 'lan', 'up')
        for host in self.hosts.values():
            host.create(self.nameserver)
        return self

    def __getitem__(self, name):
        return self.hosts[name]

    def remove(self):
        for host in self.hosts.values():
            subprocess.run(['ip', 'netns', 'delete', host.name], capture_output=True)
            shutil.rmtree(host.resolver, ignore_errors=True)
        subprocess.run(['ip', 'netns', 'delete', self.bridge], capture_output=True)


class Stripper:
    """In the path to another server: passes everything on, but takes STARTTLS out of the server's offers as long as
    STRIPS is true.  Remembers what clients said."""

    def __init__(self, host, target):
        self.host = host
        self.target = target
        self.strips = True
        self.heard = bytearray()
        self.sockets = host.inside(lambda: [socket.create_server((host.v4, 25))])
        self.closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def verbs(self):
        return {line.split()[0].upper().decode('latin-1') for line in bytes(self.heard).split(b'\r\n') if line.strip()}

    def close(self):
        self.closing = True
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def _accept(self):
        while not self.closing:
            try:
                client, _ = self.sockets[0].accept()
                server = self.host.inside(lambda: socket.create_connection((self.target, 25), timeout=20))
            except OSError:
                continue
            self.sockets += [client, server]
            threading.Thread(target=self._pass, args=(client, server, self._hear), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, self._strip), daemon=True).start()

    def _hear(self, data):
        self.heard += data
        return data

    def _strip(self, data):
        return data.replace(b'STARTTLS', b'XXXXXXXA') if self.strips else data

    @staticmethod
    def _pass(source, sink, through):
        try:
            while data := source.recv(65536):
                sink.sendall(through(data))
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
